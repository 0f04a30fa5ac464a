//! The least and the greatest of texts, as they are ordered by their characters.

use schemars::JsonSchema;
use serde::Serialize;

/// Longest text that is kept, in bytes: enough to recognise a value by.
const MAX_KEPT_BYTES: usize = 100;

/// The least and the greatest text so far, shortened when they are long.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TextRange {
    /// The least.
    pub(crate) min: String,
    /// The greatest.
    pub(crate) max: String,
}

impl TextRange {
    /// Widens `range` to hold `text`.
    pub(crate) fn widen(range: &mut Option<Self>, text: &str) {
        let text = shortened(text);
        match range {
            None => *range = Some(Self { min: text.to_owned(), max: text.to_owned() }),
            Some(range) => {
                if text < range.min.as_str() {
                    text.clone_into(&mut range.min);
                }
                if text > range.max.as_str() {
                    text.clone_into(&mut range.max);
                }
            }
        }
    }
}

/// The first bytes of `text`, up to the end of a character.
pub(crate) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_KEPT_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_every_text() {
        let mut range = None;
        for text in ["m", "z", "a", "q"] {
            TextRange::widen(&mut range, text);
        }
        assert_eq!(range, Some(TextRange { min: "a".into(), max: "z".into() }));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(80)).len(), 100);
        assert_eq!(shortened(&format!("a{}", "é".repeat(80))).len(), 99);
    }
}
