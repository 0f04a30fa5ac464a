//! The page around a document's body: one file of HTML that needs nothing beside it.
//! It holds no script, and its security policy lets none run.

use crate::escape::escape;
use crate::outline::{Section, contents, push_list};

/// Fewest entries for which a table of contents helps.
const MIN_CONTENTS: usize = 2;

/// Nothing is loaded but pictures, and no style but the page's own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data: file: 'self'; \
                      base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("page.css");

/// What a page is made of.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    /// Its title, as text.
    pub(crate) title: &'a str,
    /// The document as HTML.
    pub(crate) body: &'a str,
    /// The document's headings; `None` for a page without contents.
    pub(crate) sections: Option<&'a [Section]>,
}

impl Page<'_> {
    /// The whole file.
    pub(crate) fn html(&self) -> String {
        let listed = self.sections.map(contents).filter(|sections| count(sections) >= MIN_CONTENTS);
        let mut html = String::with_capacity(self.body.len() + STYLE.len() + 4096);
        html.push_str("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n");
        html.push_str(&format_meta(self.title));
        html.push_str("<style>\n");
        html.push_str(STYLE);
        html.push_str("</style>\n</head>\n");
        match listed {
            Some(sections) => {
                html.push_str(
                    "<body class=\"with-contents\">\n<nav aria-label=\"Contents\">\n<details open>\n",
                );
                html.push_str("<summary>Contents</summary>\n");
                push_list(&mut html, sections);
                html.push_str("</details>\n</nav>\n");
            }
            None => html.push_str("<body>\n"),
        }
        html.push_str("<main>\n");
        html.push_str(self.body);
        html.push_str("</main>\n</body>\n</html>\n");
        html
    }
}

fn format_meta(title: &str) -> String {
    format!(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"generator\" content=\"plugdock/markdown {}\">\n\
         <title>{}</title>\n",
        env!("CARGO_PKG_VERSION"),
        escape(title)
    )
}

fn count(sections: &[Section]) -> usize {
    sections.iter().map(|section| 1 + count(&section.children)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(slug: &str) -> Section {
        Section { level: 2, text: slug.to_uppercase(), slug: slug.to_owned(), children: Vec::new() }
    }

    #[test]
    fn the_title_is_text() {
        let page = Page { title: "</title><script>", body: "", sections: None }.html();
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
        assert!(!page.contains("<script"));
    }

    #[test]
    fn contents_are_there_when_they_help_and_are_wanted() {
        let two = [section("a"), section("b")];
        let has_contents =
            |sections: Option<&[Section]>| Page { title: "x", body: "", sections }.html().contains("<nav");
        assert!(has_contents(Some(&two)));
        assert!(!has_contents(Some(&two[..1])));
        assert!(!has_contents(None));
    }
}
