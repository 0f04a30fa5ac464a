//! A Markdown document: its headings, its body as HTML, and what is counted in it.
//! It knows neither files nor the page around the body.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use crate::link::Links;
use crate::outline::Heading;
use crate::rewriter::{Rewriter, footnote_id};
use crate::slug::Slugs;

/// A document that is read.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    events: Vec<Event<'a>>,
    headings: Vec<Heading>,
}

/// What a document has become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// The HTML of everything but the page around it.
    pub(crate) html: String,
    /// Words outside of code blocks.
    pub(crate) words: usize,
    /// Links, images not counted.
    pub(crate) links: usize,
    /// Code blocks.
    pub(crate) code_blocks: usize,
}

impl<'a> Document<'a> {
    /// Reads Markdown; every text is some.
    pub(crate) fn read(text: &'a str) -> Self {
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_GFM
            | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
        let events: Vec<Event<'a>> = Parser::new_ext(text, options).collect();
        let headings = headings(&events);
        Self { events, headings }
    }

    /// The headings in order.
    pub(crate) fn headings(&self) -> &[Heading] {
        &self.headings
    }

    /// The first heading of the highest level there is, which is what the document is called.
    pub(crate) fn title(&self) -> Option<&str> {
        // `min_by_key` takes the first of several that are equal.
        let top = self.headings.iter().min_by_key(|heading| heading.level)?;
        Some(&top.text).filter(|text| !text.is_empty()).map(String::as_str)
    }

    /// Renders it, its links resolved by `links`.
    pub(crate) fn render(self, links: Links<'_>) -> Body {
        let mut rewriter = Rewriter::new(&self.headings, links);
        for event in self.events {
            rewriter.take(event);
        }
        let rewritten = rewriter.finish();
        let mut body = String::new();
        html::push_html(&mut body, rewritten.events.into_iter());
        Body {
            html: body,
            words: rewritten.words,
            links: rewritten.links,
            code_blocks: rewritten.code_blocks,
        }
    }
}

/// The headings with their slugs. A name that the author gave (`{#name}`) wins over one that is made.
fn headings(events: &[Event<'_>]) -> Vec<Heading> {
    let mut slugs = Slugs::default();
    let mut given = Vec::new();
    for event in events {
        match event {
            Event::Start(Tag::Heading { id, .. }) => {
                given.push(id.as_deref().filter(|id| !id.is_empty() && slugs.reserve(id)).map(str::to_owned));
            }
            // Footnotes are named in the page too; the same label twice is one name.
            Event::Start(Tag::FootnoteDefinition(label)) => drop(slugs.reserve(&footnote_id(label))),
            _ => {}
        }
    }
    let mut given = given.into_iter();
    let mut headings = Vec::new();
    let mut open: Option<(u8, String)> = None;
    for event in events {
        match (event, &mut open) {
            (Event::Start(Tag::Heading { level, .. }), _) => open = Some((*level as u8, String::new())),
            (Event::Text(text) | Event::Code(text), Some((_, heading))) => heading.push_str(text),
            (Event::SoftBreak | Event::HardBreak, Some((_, heading))) => heading.push(' '),
            (Event::End(TagEnd::Heading(_)), _) => {
                let Some((level, text)) = open.take() else { continue };
                let text = text.trim().to_owned();
                let slug = given.next().flatten().unwrap_or_else(|| slugs.take(&text));
                headings.push(Heading { level, text, slug });
            }
            _ => {}
        }
    }
    headings
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::source::Sources;

    fn render(text: &str) -> Body {
        let sources = Sources::named(vec!["README.md".into(), "docs/guide.md".into()]).unwrap();
        Document::read(text).render(Links { document: "README.md", sources: &sources })
    }

    fn check(text: &str, expected: &Expect) {
        expected.assert_eq(&render(text).html);
    }

    #[test]
    fn headings_are_named_and_linked() {
        check(
            "# Über *uns*\n## `run`\n## Run {#start .wide onclick=x}\n## Run",
            &expect![[r##"
            <h1 id="über-uns">Über <em>uns</em><a class="anchor" href="#über-uns" aria-label="Link to this section">#</a></h1>
            <h2 id="run"><code>run</code><a class="anchor" href="#run" aria-label="Link to this section">#</a></h2>
            <h2 id="start" class="wide">Run<a class="anchor" href="#start" aria-label="Link to this section">#</a></h2>
            <h2 id="run-1">Run<a class="anchor" href="#run-1" aria-label="Link to this section">#</a></h2>
        "##]],
        );
    }

    #[test]
    fn a_given_name_wins_over_one_that_is_made() {
        let text = "# Usage\n# Other {#usage}\n# Third {#usage}\n# fn 1\n\n[^1]\n\n[^1]: note";
        let slugs: Vec<_> =
            Document::read(text).headings().iter().map(|heading| heading.slug.clone()).collect();
        assert_eq!(slugs, ["usage-1", "usage", "third", "fn-1-1"]);
    }

    #[test]
    fn tables_lists_and_code_are_rendered() {
        check(
            "| a | b |\n|---|--:|\n| `x` | ~~1~~ |\n\n- [x] done\n  1. deep\n- [ ] open\n\n```rust,no_run\nlet a = b < c;\n```\n",
            &expect![[r#"
                <div class="table" tabindex="0">
                <table><thead><tr><th>a</th><th style="text-align: right">b</th></tr></thead><tbody>
                <tr><td><code>x</code></td><td style="text-align: right"><del>1</del></td></tr>
                </tbody></table>
                </div>
                <ul>
                <li><input disabled="" type="checkbox" checked=""/>
                done
                <ol>
                <li>deep</li>
                </ol>
                </li>
                <li><input disabled="" type="checkbox"/>
                open</li>
                </ul>
                <pre><code class="language-rust">let a = b &lt; c;
                </code></pre>
            "#]],
        );
    }

    #[test]
    fn html_is_shown_as_text_and_comments_are_left_out() {
        check(
            "<!-- note\n\nto self -->\n\n<script>alert(1)</script>\n\na <b onclick=\"x\">b</b><br/>c <!-- d -->\n\n<p>1<!-- 2 -->3\n",
            &expect![[r#"
                <p class="html">&lt;script&gt;alert(1)&lt;/script&gt;</p>
                <p>a &lt;b onclick="x"&gt;b&lt;/b&gt;<br />
                c </p>
                <p class="html">&lt;p&gt;13</p>
            "#]],
        );
    }

    #[test]
    fn links_that_could_run_code_keep_their_text_alone() {
        check(
            "[a *b*](javascript:x) [c](docs/guide.md) ![d](javascript:y \"t\") <https://e.example>",
            &expect![[r#"
                <p>a <em>b</em> <a href="docs/guide.html">c</a> <img src="" alt="d" title="t" /> <a href="https://e.example">https://e.example</a></p>
            "#]],
        );
    }

    #[test]
    fn footnotes_alerts_and_front_matter_are_known() {
        check(
            "---\ntitle: x\n---\n\nText[^a].\n\n> [!NOTE]\n> Mind.\n\n[^a]: Foot.\n",
            &expect![[r##"
            <p>Text<sup class="footnote-reference"><a href="#fn-a">1</a></sup>.</p>
            <blockquote class="markdown-alert-note">
            <p>Mind.</p>
            </blockquote>
            <div class="footnote-definition" id="fn-a"><sup class="footnote-definition-label">1</sup>
            <p>Foot.</p>
            </div>
        "##]],
        );
    }

    #[test]
    fn words_links_and_code_blocks_are_counted() {
        let body = render(
            "# Two words\n\nun*believ*able [a b](#x) `c d`\n\n```\nnot counted\n```\n\n    nor this\n\n![alt](x.png)",
        );
        assert_eq!((body.words, body.links, body.code_blocks), (8, 1, 2));
    }

    proptest! {
        /// Every `<` of the page is one of the renderer's own tags.
        #[test]
        fn no_text_brings_a_tag_of_its_own(text in "[ab<>/!\"'=#*_`\\[\\](){}|\\n &;:\\-]{0,60}") {
            const TAGS: [&str; 34] = [
                "p", "h1", "h2", "h3", "h4", "h5", "h6", "a", "em", "strong", "del", "code", "pre", "ul", "ol", "li", "blockquote",
                "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "div", "img", "sup", "input", "dl", "dt", "dd", "span", "section",
            ];
            let html = render(&text).html;
            for (at, _) in html.match_indices('<') {
                let name: String = html[at + 1..].trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                prop_assert!(TAGS.contains(&&*name), "{:?} in {}", name, html);
            }
        }

        #[test]
        fn a_script_is_never_one(before in "[a-z<>\"'`*_\\[\\]() \\n-]{0,20}", after in "[a-z<>\"'`*_\\[\\]() \\n-]{0,20}") {
            let html = render(&format!("{before}<script>alert(1)</script><img src=x onerror=y>{after}")).html;
            prop_assert!(!html.contains("<script") && !html.contains("<img src=x"), "{}", html);
        }
    }
}
