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
mod tests;
