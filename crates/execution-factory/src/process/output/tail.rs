//! The last bytes of an output, for the report of a crash.
//! It never grows beyond its bound and knows no lines.

use std::collections::VecDeque;

use super::printable::printable;

/// What is kept: enough for a panic message with its backtrace.
const KEPT: usize = 8 * 1024;

#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let last = &bytes[bytes.len().saturating_sub(KEPT)..];
        let surplus = (self.bytes.len() + last.len()).saturating_sub(KEPT);
        self.bytes.drain(..surplus);
        self.bytes.extend(last);
    }

    /// The last lines, printable; a line whose beginning is gone is left out if others remain.
    pub(super) fn lines(&self, at_most: usize) -> Vec<String> {
        let bytes: Vec<u8> = self.bytes.iter().copied().collect();
        let whole = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) if bytes.len() == KEPT && end + 1 < bytes.len() => &bytes[end + 1..],
            _ => &bytes[..],
        };
        let mut lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
        lines.pop_if(|line| line.is_empty());
        let first = lines.len().saturating_sub(at_most);
        lines[first..].iter().map(|line| printable(line.strip_suffix(b"\r").unwrap_or(line))).collect()
    }
}
