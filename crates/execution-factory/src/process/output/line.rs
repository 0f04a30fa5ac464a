//! Splits a stream of bytes into lines of bounded length.
//! It keeps at most one unfinished line and decides nothing about what happens to lines.

use super::printable::printable;

/// The longest line that is passed on; more than a person reads, and small enough to hold for every worker.
pub(super) const MAX_LINE: usize = 16 * 1024;

/// One line of a worker's output, made printable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputLine {
    /// The text, without its line end.
    pub text: String,
    /// Whether the end of the line was cut off.
    pub truncated: bool,
}

#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    partial: Vec<u8>,
    /// Bytes of the unfinished line beyond the longest.
    cut: usize,
}

impl LineSplitter {
    /// Takes bytes and gives the lines they finish; says how many bytes were cut off.
    pub(super) fn push(&mut self, mut bytes: &[u8], lines: &mut Vec<OutputLine>) -> u64 {
        let mut dropped = 0;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            dropped += self.extend(&bytes[..end]);
            lines.push(self.take());
            bytes = &bytes[end + 1..];
        }
        dropped + self.extend(bytes)
    }

    /// The unfinished line, if there is one.
    pub(super) fn finish(&mut self) -> Option<OutputLine> {
        (!self.partial.is_empty()).then(|| self.take())
    }

    fn extend(&mut self, bytes: &[u8]) -> u64 {
        let fitting = bytes.len().min(MAX_LINE - self.partial.len());
        self.partial.extend_from_slice(&bytes[..fitting]);
        let cut = bytes.len() - fitting;
        self.cut += cut;
        cut as u64
    }

    fn take(&mut self) -> OutputLine {
        let line = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        let line = OutputLine { text: printable(line), truncated: self.cut > 0 };
        self.partial.clear();
        self.cut = 0;
        line
    }
}
