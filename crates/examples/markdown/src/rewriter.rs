//! Turns what the parser read into what the page may hold: safe links, no HTML of the source's own, named headings.
//! It goes over the document once and counts on the way.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Tag, TagEnd};

use crate::escape::escape;
use crate::link::{Links, image};
use crate::outline::Heading;
use crate::word_count::WordCount;

/// What came out.
pub(crate) struct Rewritten<'a> {
    pub(crate) events: Vec<Event<'a>>,
    pub(crate) words: usize,
    pub(crate) links: usize,
    pub(crate) code_blocks: usize,
}

/// Takes a document's events in order.
pub(crate) struct Rewriter<'a, 'd> {
    links: Links<'d>,
    headings: std::slice::Iter<'d, Heading>,
    slug: Option<&'d str>,
    events: Vec<Event<'a>>,
    words: WordCount,
    n_links: usize,
    n_code_blocks: usize,
    state: State,
    /// The link that is open has no address in the page.
    unlinked: bool,
}

/// What the next event stands in.
enum State {
    Text,
    Code,
    /// Facts about the document that are no part of it.
    Metadata,
    /// HTML of the source, gathered until it is whole.
    Html(String),
}

/// The name of a footnote in the page, apart from those of headings.
pub(crate) fn footnote_id(label: &str) -> String {
    format!("fn-{label}")
}

impl<'a, 'd> Rewriter<'a, 'd> {
    /// `headings` are the document's, all of them and in order.
    pub(crate) fn new(headings: &'d [Heading], links: Links<'d>) -> Self {
        Self {
            links,
            headings: headings.iter(),
            slug: None,
            events: Vec::new(),
            words: WordCount::default(),
            n_links: 0,
            n_code_blocks: 0,
            state: State::Text,
            unlinked: false,
        }
    }

    /// The next event.
    pub(crate) fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Html(text) => match &mut self.state {
                State::Html(gathered) => gathered.push_str(&text),
                _ => self.inline_html(&text),
            },
            Event::InlineHtml(text) => self.inline_html(&text),
            Event::Text(text) => self.text(text),
            Event::Code(text) => {
                self.words.text(&text);
                self.events.push(Event::Code(text));
            }
            Event::FootnoteReference(label) => {
                self.events.push(Event::FootnoteReference(footnote_id(&label).into()));
            }
            gap @ (Event::SoftBreak | Event::HardBreak | Event::Rule) => {
                self.words.gap();
                self.events.push(gap);
            }
            other => self.events.push(other),
        }
    }

    /// What came out of all events.
    pub(crate) fn finish(self) -> Rewritten<'a> {
        Rewritten {
            events: self.events,
            words: self.words.count(),
            links: self.n_links,
            code_blocks: self.n_code_blocks,
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        let tag = match tag {
            Tag::Heading { level, classes, .. } => {
                self.slug = self.headings.next().map(|heading| heading.slug.as_str());
                let id = self.slug.map(|slug| CowStr::from(slug.to_owned()));
                // Attributes are left out: some of them run code.
                Tag::Heading { level, id, classes, attrs: Vec::new() }
            }
            Tag::Link { link_type, dest_url, title, id } => {
                self.n_links += 1;
                let Some(dest_url) = self.links.resolve(&dest_url) else {
                    self.unlinked = true;
                    return;
                };
                Tag::Link { link_type, dest_url: dest_url.into(), title, id }
            }
            Tag::Image { link_type, dest_url, title, id } => {
                Tag::Image { link_type, dest_url: image(&dest_url).unwrap_or_default().into(), title, id }
            }
            Tag::CodeBlock(kind) => {
                self.n_code_blocks += 1;
                self.state = State::Code;
                Tag::CodeBlock(language_alone(kind))
            }
            Tag::FootnoteDefinition(label) => Tag::FootnoteDefinition(footnote_id(&label).into()),
            Tag::Table(alignments) => {
                // A table that is wider than the page is moved inside this, not the whole page with it.
                self.push_html("<div class=\"table\" tabindex=\"0\">\n");
                Tag::Table(alignments)
            }
            Tag::HtmlBlock => {
                self.state = State::Html(String::new());
                return;
            }
            Tag::MetadataBlock(_) => {
                self.state = State::Metadata;
                return;
            }
            other => other,
        };
        self.events.push(Event::Start(tag));
    }

    fn end(&mut self, tag: TagEnd) {
        if !matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link) {
            self.words.gap();
        }
        match tag {
            TagEnd::Link if std::mem::take(&mut self.unlinked) => return,
            TagEnd::HtmlBlock => return self.html_block(),
            TagEnd::MetadataBlock(_) => {
                self.state = State::Text;
                return;
            }
            TagEnd::CodeBlock => self.state = State::Text,
            TagEnd::Heading(_) => {
                if let Some(slug) = self.slug.take() {
                    let slug = escape(slug);
                    self.push_html(&format!(
                        "<a class=\"anchor\" href=\"#{slug}\" aria-label=\"Link to this section\">#</a>"
                    ));
                }
            }
            _ => {}
        }
        self.events.push(Event::End(tag));
        if tag == TagEnd::Table {
            self.push_html("</div>\n");
        }
    }

    fn text(&mut self, text: CowStr<'a>) {
        match self.state {
            State::Metadata => return,
            State::Code => {}
            State::Text | State::Html(_) => self.words.text(&text),
        }
        self.events.push(Event::Text(text));
    }

    /// A tag in a line is shown as text; a line break is what it says, and a comment is for readers of the source.
    fn inline_html(&mut self, text: &str) {
        if is_break(text) {
            self.words.gap();
            self.events.push(Event::HardBreak);
        } else if !text.starts_with("<!--") {
            self.events.push(Event::Text(text.to_owned().into()));
        }
    }

    fn html_block(&mut self) {
        let State::Html(gathered) = std::mem::replace(&mut self.state, State::Text) else { return };
        let shown = without_comments(&gathered);
        if !shown.trim().is_empty() {
            self.push_html(&format!("<p class=\"html\">{}</p>\n", escape(shown.trim())));
        }
    }

    /// HTML of the page's own.
    fn push_html(&mut self, html: &str) {
        self.events.push(Event::Html(html.to_owned().into()));
    }
}

/// `rust,no_run` names a language and what a tool does with the block; the page needs the language.
fn language_alone(kind: CodeBlockKind<'_>) -> CodeBlockKind<'_> {
    match kind {
        CodeBlockKind::Fenced(info) if info.contains([',', ' ']) => {
            let language = info.split([',', ' ']).next().unwrap_or_default();
            CodeBlockKind::Fenced(language.to_owned().into())
        }
        kind => kind,
    }
}

fn is_break(html: &str) -> bool {
    let inside = html.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inside.is_some_and(|tag| tag.trim_end_matches('/').trim().eq_ignore_ascii_case("br"))
}

/// A comment that is not ended goes to the end.
fn without_comments(html: &str) -> String {
    let mut shown = String::new();
    let mut rest = html;
    while let Some((before, comment)) = rest.split_once("<!--") {
        shown.push_str(before);
        rest = comment.split_once("-->").map_or("", |(_, after)| after);
    }
    shown + rest
}
