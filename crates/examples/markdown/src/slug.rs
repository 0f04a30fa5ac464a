//! Names of headings for links: stable, unique in a page, and the same that code hosts make of the same heading.

use std::collections::HashSet;

/// The slug of a heading without letters or digits.
const NAMELESS: &str = "section";

/// Hands out slugs, each once.
#[derive(Debug, Default)]
pub(crate) struct Slugs {
    taken: HashSet<String>,
}

impl Slugs {
    /// Keeps a name from being handed out. `false` when it is taken already.
    pub(crate) fn reserve(&mut self, name: &str) -> bool {
        self.taken.insert(name.to_owned())
    }

    /// A slug for a heading; a repeated one is numbered: `usage`, `usage-1`, `usage-2`.
    pub(crate) fn take(&mut self, heading: &str) -> String {
        self.numbered(&slug(heading))
    }

    /// `name` itself, or numbered if it is taken.
    fn numbered(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        let mut number = 0_usize;
        while !self.taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}-{number}");
        }
        candidate
    }
}

/// Letters and digits of any script in lower case, `-` for blanks, `-` and `_` kept, everything else left out.
fn slug(heading: &str) -> String {
    let mut slug = String::with_capacity(heading.len());
    for c in heading.trim().chars() {
        match c {
            '-' | '_' => slug.push(c),
            c if c.is_whitespace() => slug.push('-'),
            c if c.is_alphanumeric() => slug.extend(c.to_lowercase()),
            _ => {}
        }
    }
    if slug.is_empty() { NAMELESS.to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slugs_are_those_of_code_hosts() {
        let rows = [
            ("Getting started", "getting-started"),
            ("What's new in 1.2?", "whats-new-in-12"),
            ("`run` & `serve`", "run--serve"),
            ("snake_case-kebab", "snake_case-kebab"),
            ("Über Größe", "über-größe"),
            ("日本語", "日本語"),
            ("  blanks\taround ", "blanks-around"),
            ("!!!", "section"),
        ];
        for (heading, slug) in rows {
            assert_eq!(Slugs::default().take(heading), slug, "{heading}");
        }
    }

    #[test]
    fn a_number_never_meets_a_heading_that_looks_numbered() {
        let mut slugs = Slugs::default();
        let taken = ["Usage", "Usage 1", "Usage", "Usage"].map(|heading| slugs.take(heading));
        assert_eq!(taken, ["usage", "usage-1", "usage-2", "usage-3"]);
    }

    proptest! {
        #[test]
        fn slugs_are_unique_and_hold_no_character_of_html(headings in prop::collection::vec("[aB 1-<\"'&é]{0,4}", 0..40)) {
            let mut slugs = Slugs::default();
            let taken: Vec<String> = headings.iter().map(|heading| slugs.take(heading)).collect();
            prop_assert!(taken.iter().all(|slug| !slug.is_empty() && !slug.contains(['<', '"', '\'', '&', ' '])));
            prop_assert_eq!(taken.iter().collect::<HashSet<_>>().len(), taken.len());
        }
    }
}
