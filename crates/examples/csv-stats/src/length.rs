//! Lengths of texts in characters: least, greatest and mean.

use schemars::JsonSchema;
use serde::Serialize;

/// Lengths so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    count: u64,
    total: u64,
    min: u64,
    max: u64,
}

/// Lengths, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct LengthReport {
    /// Of the shortest.
    pub(crate) min: u64,
    /// Of all, on average.
    pub(crate) mean: f64,
    /// Of the longest.
    pub(crate) max: u64,
}

impl Lengths {
    /// One more text.
    pub(crate) fn add(&mut self, text: &str) {
        let length = if text.is_ascii() { text.len() } else { text.chars().count() } as u64;
        self.min = if self.count == 0 { length } else { self.min.min(length) };
        self.max = self.max.max(length);
        self.count += 1;
        self.total += length;
    }

    /// `None` without a text.
    #[expect(clippy::cast_precision_loss, reason = "a mean of lengths needs no more than a few digits")]
    pub(crate) fn report(&self) -> Option<LengthReport> {
        let mean = (self.count > 0).then(|| self.total as f64 / self.count as f64)?;
        Some(LengthReport { min: self.min, mean, max: self.max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        let mut lengths = Lengths::default();
        assert_eq!(lengths.report(), None);
        for text in ["abc", "é", "日本"] {
            lengths.add(text);
        }
        assert_eq!(lengths.report(), Some(LengthReport { min: 1, mean: 2.0, max: 3 }));
    }
}
