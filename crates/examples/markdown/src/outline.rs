//! The headings of a document as a tree, and that tree as the table of contents.
//! It knows nothing of Markdown: headings come with level, text and slug.

use schemars::JsonSchema;
use serde::Serialize;

use crate::escape::escape;

/// A heading as it stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heading {
    /// From 1 to 6.
    pub(crate) level: u8,
    /// Its text without marks.
    pub(crate) text: String,
    /// Its name for links.
    pub(crate) slug: String,
}

/// A heading with those that stand below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Section {
    /// From 1 to 6.
    pub(crate) level: u8,
    /// The heading's text without marks.
    pub(crate) text: String,
    /// Its name for links, unique in the document.
    pub(crate) slug: String,
    /// Headings of a deeper level up to the next of this one's, whether or not a level between is left out.
    pub(crate) children: Vec<Section>,
}

/// The tree of `headings`. A heading belongs to the last one before it that is of a lower level.
pub(crate) fn tree(headings: &[Heading]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut rest = headings;
    while let Some((first, after)) = rest.split_first() {
        // Levels are strictly increasing on the way down, so that the recursion is at most six deep.
        let n_below = after.iter().take_while(|heading| heading.level > first.level).count();
        let (below, next) = after.split_at(n_below);
        sections.push(Section {
            level: first.level,
            text: first.text.clone(),
            slug: first.slug.clone(),
            children: tree(below),
        });
        rest = next;
    }
    sections
}

/// What the table of contents lists: everything, but for a single top heading, which is the page's title.
pub(crate) fn contents(sections: &[Section]) -> &[Section] {
    match sections {
        [only] if only.level == 1 => &only.children,
        all => all,
    }
}

/// Nested lists of links to the sections.
pub(crate) fn push_list(html: &mut String, sections: &[Section]) {
    if sections.is_empty() {
        return;
    }
    html.push_str("<ol>\n");
    for section in sections {
        html.push_str("<li><a href=\"#");
        html.push_str(&escape(&section.slug));
        html.push_str("\">");
        html.push_str(&escape(&section.text));
        html.push_str("</a>");
        if !section.children.is_empty() {
            html.push('\n');
            push_list(html, &section.children);
        }
        html.push_str("</li>\n");
    }
    html.push_str("</ol>\n");
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn headings(levels: &[u8]) -> Vec<Heading> {
        let heading = |(at, level): (usize, &u8)| Heading {
            level: *level,
            text: format!("t{at}"),
            slug: format!("s{at}"),
        };
        levels.iter().enumerate().map(heading).collect()
    }

    /// The tree in short: `0(1 2(3))`.
    fn short(sections: &[Section]) -> String {
        let one = |section: &Section| match short(&section.children) {
            below if below.is_empty() => section.text[1..].to_owned(),
            below => format!("{}({below})", &section.text[1..]),
        };
        sections.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn headings_nest_by_level_and_left_out_levels_do_no_harm() {
        let rows: [(&[u8], &str); 6] = [
            (&[], ""),
            (&[1, 2, 2, 3, 2], "0(1 2(3) 4)"),
            (&[1, 3, 2], "0(1 2)"),
            (&[3, 2, 1], "0 1 2"),
            (&[2, 4, 6, 4, 2], "0(1(2) 3) 4"),
            (&[1, 1], "0 1"),
        ];
        for (levels, tree_of_them) in rows {
            assert_eq!(short(&tree(&headings(levels))), tree_of_them, "{levels:?}");
        }
    }

    #[test]
    fn a_single_top_heading_is_left_to_the_title() {
        assert_eq!(short(contents(&tree(&headings(&[1, 2, 2])))), "1 2");
        assert_eq!(short(contents(&tree(&headings(&[1, 2, 1])))), "0(1) 2");
        assert_eq!(short(contents(&tree(&headings(&[2, 3])))), "0(1)");
    }

    #[test]
    fn the_list_is_nested_and_escaped() {
        let mut sections = tree(&headings(&[1, 2]));
        "<a> & b".clone_into(&mut sections[0].text);
        let mut html = String::new();
        push_list(&mut html, &sections);
        expect![[r##"
            <ol>
            <li><a href="#s0">&lt;a&gt; &amp; b</a>
            <ol>
            <li><a href="#s1">t1</a></li>
            </ol>
            </li>
            </ol>
        "##]]
        .assert_eq(&html);
    }

    fn flat(sections: &[Section], parent: u8, into: &mut Vec<String>) {
        for section in sections {
            assert!(section.level > parent, "a section is deeper than the one it is in");
            into.push(section.text.clone());
            flat(&section.children, section.level, into);
        }
    }

    proptest! {
        #[test]
        fn the_tree_keeps_every_heading_in_order(levels in prop::collection::vec(1_u8..=6, 0..60)) {
            let headings = headings(&levels);
            let mut texts = Vec::new();
            flat(&tree(&headings), 0, &mut texts);
            prop_assert_eq!(texts, headings.into_iter().map(|heading| heading.text).collect::<Vec<_>>());
        }
    }
}
