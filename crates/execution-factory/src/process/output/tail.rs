//! The last bytes of an output, for the report of a crash.
//! It never grows beyond its bound and knows no lines.

use std::collections::VecDeque;

use super::printable::printable;

/// What is kept: enough for a panic message with its backtrace.
const KEPT: usize = 8 * 1024;

#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    n_seen: u64,
}

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.n_seen = self.n_seen.saturating_add(bytes.len() as u64);
        let last = &bytes[bytes.len().saturating_sub(KEPT)..];
        let surplus = (self.bytes.len() + last.len()).saturating_sub(KEPT);
        self.bytes.drain(..surplus);
        self.bytes.extend(last);
    }

    /// Bytes seen in all.
    pub(super) const fn n_seen(&self) -> u64 {
        self.n_seen
    }

    /// The last lines of what came after the first `mark` bytes, printable; a line whose beginning is gone is left out if
    /// others remain.
    pub(super) fn lines(&self, mark: u64, at_most: usize) -> Vec<String> {
        let wanted = usize::try_from(self.n_seen.saturating_sub(mark)).unwrap_or(usize::MAX);
        let older = self.bytes.len().saturating_sub(wanted);
        let bytes: Vec<u8> = self.bytes.iter().skip(older).copied().collect();
        let is_cut = wanted > bytes.len();
        let whole = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) if is_cut && end + 1 < bytes.len() => &bytes[end + 1..],
            _ => &bytes[..],
        };
        let mut lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
        lines.pop_if(|line| line.is_empty());
        let first = lines.len().saturating_sub(at_most);
        lines[first..].iter().map(|line| printable(line.strip_suffix(b"\r").unwrap_or(line))).collect()
    }
}
