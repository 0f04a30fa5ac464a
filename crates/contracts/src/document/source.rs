//! The text of one document and where its lines begin.
//! It turns byte offsets into lines and columns; it does not know what the text means.

use std::ops::Range;

/// A document's text with its name, for messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name: name.to_owned(), text: text.to_owned(), line_starts }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of an offset, both from 1; the column counts characters.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// Offset of a line and a byte column, both from 1, as `serde_json` counts them.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        self.text.floor_char_boundary(start.saturating_add(column.saturating_sub(1)))
    }

    /// The range cut to the text and widened to whole characters, so that it can always slice the text.
    pub(super) fn clamp(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start);
        start..self.text.ceil_char_boundary(span.end).max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source::new("x", "aé\nb\n");
        for (offset, position) in
            [(0, (1, 1)), (1, (1, 2)), (2, (1, 2)), (3, (1, 3)), (4, (2, 1)), (6, (3, 1)), (99, (3, 1))]
        {
            assert_eq!(source.position(offset), position, "offset {offset}");
        }
    }

    #[test]
    fn an_empty_text_has_one_line() {
        assert_eq!(Source::new("x", "").position(0), (1, 1));
    }

    #[test]
    fn offsets_stay_inside_the_text() {
        let source = Source::new("x", "é\nb");
        assert_eq!(source.offset(2, 1), 3);
        assert_eq!(source.offset(1, 2), 0, "inside a character");
        assert_eq!(source.offset(9, 9), 4);
        assert_eq!(source.clamp(&(1..9)), 0..4);
    }
}
