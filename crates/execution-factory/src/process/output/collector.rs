//! One output of one worker: what is passed on as lines, what is kept for a crash report, what was dropped.
//! It is told bytes and the time; it reads no pipe.

use std::time::Instant;

use super::budget::{Budget, ForwardLimits};
use super::line::{LineSplitter, OutputLine};
use super::tail::Tail;

/// Turns the bytes of an output into lines, within bounds.
#[derive(Debug)]
pub struct OutputCollector {
    limits: ForwardLimits,
    budget: Budget,
    splitter: LineSplitter,
    tail: Tail,
    dropped: u64,
    /// Bytes are being dropped, so the line that follows lacks its beginning.
    inside_gap: bool,
}

impl OutputCollector {
    /// Begins with an untouched budget.
    pub fn new(limits: ForwardLimits, now: Instant) -> Self {
        Self {
            limits,
            budget: Budget::new(limits, now),
            splitter: LineSplitter::default(),
            tail: Tail::default(),
            dropped: 0,
            inside_gap: false,
        }
    }

    /// Begins the next execution of the same worker: a new budget, no dropped bytes. The tail stays, because what a
    /// worker said last explains its crash.
    pub fn begin_execution(&mut self, now: Instant) {
        self.budget = Budget::new(self.limits, now);
        self.dropped = 0;
    }

    /// Takes bytes and appends the lines they finish.
    pub fn feed(&mut self, bytes: &[u8], now: Instant, lines: &mut Vec<OutputLine>) {
        self.tail.push(bytes);
        let granted = self.budget.take(bytes.len(), now);
        self.dropped += (bytes.len() - granted) as u64;
        let mut forwarded = &bytes[..granted];
        if self.inside_gap {
            // Half a line behind a gap would read as a whole one.
            let rest = forwarded.iter().position(|byte| *byte == b'\n').map(|end| &forwarded[end + 1..]);
            let kept = rest.unwrap_or_default();
            self.dropped += (forwarded.len() - kept.len()) as u64;
            self.inside_gap = rest.is_none();
            forwarded = kept;
        }
        self.dropped += self.splitter.push(forwarded, lines);
        if granted < bytes.len() {
            if let Some(mut line) = self.splitter.finish() {
                line.truncated = true;
                lines.push(line);
            }
            self.inside_gap = true;
        }
    }

    /// The unfinished line, when no more bytes are expected.
    pub fn finish(&mut self) -> Option<OutputLine> {
        self.splitter.finish()
    }

    /// The last lines, printable, for a crash report; together at most 8 KiB of output.
    pub fn last_lines(&self, at_most: usize) -> Vec<String> {
        self.tail.lines(at_most)
    }

    /// Bytes of this execution that were read and not passed on.
    pub const fn dropped_bytes(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::MAX_LINE;
    use super::*;

    fn collector(limits: ForwardLimits) -> (OutputCollector, Instant) {
        let now = Instant::now();
        (OutputCollector::new(limits, now), now)
    }

    fn texts(lines: &[OutputLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn lines_come_whole_however_the_bytes_arrive() {
        let (mut collector, now) = collector(ForwardLimits::default());
        let mut lines = Vec::new();
        for byte in b"one\r\ntwo\n\nthree" {
            collector.feed(&[*byte], now, &mut lines);
        }
        assert_eq!(texts(&lines), ["one", "two", ""]);
        assert_eq!(collector.finish().map(|line| line.text).as_deref(), Some("three"));
        assert_eq!(collector.finish(), None);
        assert_eq!(collector.dropped_bytes(), 0);
    }

    #[test]
    fn a_long_line_is_cut_and_marked_and_the_next_is_whole() {
        let (mut collector, now) = collector(ForwardLimits::default());
        let mut lines = Vec::new();
        collector.feed(&vec![b'x'; MAX_LINE + 10], now, &mut lines);
        collector.feed(b"\nnext\n", now, &mut lines);
        assert_eq!((lines[0].text.len(), lines[0].truncated), (MAX_LINE, true));
        assert_eq!(lines[1], OutputLine { text: "next".into(), truncated: false });
        assert_eq!(collector.dropped_bytes(), 10);
    }

    #[test]
    fn beyond_the_budget_bytes_are_counted_and_a_new_execution_starts_afresh() {
        let limits = ForwardLimits { bytes_in_all: 6, bytes_per_second: 0, burst_bytes: 6 };
        let (mut collector, now) = collector(limits);
        let mut lines = Vec::new();
        collector.feed(b"ab\ncdefgh\nij\n", now, &mut lines);
        assert_eq!(texts(&lines), ["ab", "cde"]);
        assert!(lines[1].truncated);
        assert_eq!(collector.dropped_bytes(), 7);
        collector.begin_execution(now);
        lines.clear();
        collector.feed(b"k\nlm\n", now, &mut lines);
        assert_eq!(texts(&lines), ["lm"], "the rest of a cut line is no line");
        assert_eq!(collector.last_lines(2), ["k", "lm"]);
    }

    proptest::proptest! {
        #[test]
        fn memory_is_bounded_and_every_byte_is_counted(
            chunks in proptest::collection::vec(proptest::collection::vec(proptest::sample::select(b"ab\n".to_vec()), 0..400), 0..20),
            in_all in 0_u64..2000,
        ) {
            let limits = ForwardLimits { bytes_in_all: in_all, bytes_per_second: 0, burst_bytes: u64::MAX };
            let (mut collector, now) = collector(limits);
            let mut lines = Vec::new();
            let mut fed = 0;
            for chunk in &chunks {
                fed += chunk.len() as u64;
                collector.feed(chunk, now, &mut lines);
            }
            lines.extend(collector.finish());
            let shown: u64 = lines.iter().map(|line| line.text.len() as u64).sum();
            let ends = fed - collector.dropped_bytes() - shown;
            proptest::prop_assert!(shown <= in_all);
            proptest::prop_assert!(ends <= lines.len() as u64);
        }
    }
}
