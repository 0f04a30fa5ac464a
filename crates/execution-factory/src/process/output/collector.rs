//! One output of one worker: what is passed on as lines, what is kept for a crash report, what was dropped.
//! It is told bytes and the time; it reads no pipe.

use std::time::Instant;

use super::budget::{Allowance, ForwardLimits};
use super::line::{LineSplitter, OutputLine};
use super::tail::Tail;

/// Turns the bytes of an output into lines, within bounds.
#[derive(Debug)]
pub struct OutputCollector {
    allowance: Allowance,
    splitter: LineSplitter,
    tail: Tail,
    /// Bytes are being dropped, so the line that follows lacks its beginning.
    inside_gap: bool,
}

impl OutputCollector {
    /// Begins with an untouched budget.
    pub fn new(limits: ForwardLimits, now: Instant) -> Self {
        Self {
            allowance: Allowance::new(limits, now),
            splitter: LineSplitter::default(),
            tail: Tail::default(),
            inside_gap: false,
        }
    }

    /// Turns to another execution of the same worker: what is read from now on is at the cost of its allowance. Answers
    /// the allowance of the former one, and the unfinished line, which is still its own. The tail stays, because what a
    /// worker said last explains its crash.
    pub fn turn_to(&mut self, next: Allowance) -> (Allowance, Option<OutputLine>) {
        // What follows is the next one's, and no rest of a line that was cut.
        self.inside_gap = false;
        let unfinished = self.finish();
        (std::mem::replace(&mut self.allowance, next), unfinished)
    }

    /// Takes bytes and appends the lines they finish.
    pub fn feed(&mut self, bytes: &[u8], now: Instant, lines: &mut Vec<OutputLine>) {
        self.tail.push(bytes);
        let granted = self.allowance.take(bytes.len(), now);
        let mut forwarded = &bytes[..granted];
        if self.inside_gap {
            // Half a line behind a gap would read as a whole one.
            let rest = forwarded.iter().position(|byte| *byte == b'\n').map(|end| &forwarded[end + 1..]);
            let kept = rest.unwrap_or_default();
            self.allowance.drop_bytes((forwarded.len() - kept.len()) as u64);
            self.inside_gap = rest.is_none();
            forwarded = kept;
        }
        self.allowance.drop_bytes(self.splitter.push(forwarded, lines));
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
        self.tail.lines(0, at_most)
    }

    /// The same, of what was read since [`OutputCollector::n_read`] was `mark`.
    pub fn last_lines_since(&self, mark: u64, at_most: usize) -> Vec<String> {
        self.tail.lines(mark, at_most)
    }

    /// Bytes read in all.
    pub const fn n_read(&self) -> u64 {
        self.tail.n_seen()
    }

    /// Bytes of this execution that were read and not passed on.
    pub const fn dropped_bytes(&self) -> u64 {
        self.allowance.dropped_bytes()
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
    fn beyond_the_budget_bytes_are_counted_and_the_rest_of_a_cut_line_is_no_line() {
        let limits = ForwardLimits { bytes_in_all: 6, bytes_per_second: 0, burst_bytes: 6 };
        let (mut collector, now) = collector(limits);
        let mut lines = Vec::new();
        collector.feed(b"ab\ncde", now, &mut lines);
        collector.feed(b"fgh\nij\n", now, &mut lines);
        assert_eq!(texts(&lines), ["ab", "cde"]);
        assert!(lines[1].truncated);
        assert_eq!(collector.dropped_bytes(), 7);
    }

    #[test]
    fn each_execution_has_its_own_allowance_and_gets_its_own_back() {
        let limits = ForwardLimits { bytes_in_all: 6, bytes_per_second: 0, burst_bytes: 6 };
        let (mut collector, now) = collector(limits);
        let mut lines = Vec::new();
        collector.feed(b"ab\ncdefgh", now, &mut lines);
        let (first, unfinished) = collector.turn_to(Allowance::new(limits, now));
        assert_eq!((first.dropped_bytes(), unfinished), (3, None));
        lines.clear();
        collector.feed(b"k\nlm", now, &mut lines);
        assert_eq!(texts(&lines), ["k"], "no rest of the other's line");
        let (second, unfinished) = collector.turn_to(first);
        assert_eq!((second.dropped_bytes(), unfinished.unwrap().text.as_str()), (0, "lm"));
        collector.feed(b"xy", now, &mut lines);
        assert_eq!(collector.dropped_bytes(), 5, "its budget was spent before");
        assert_eq!(
            collector.last_lines(2),
            ["cdefghk", "lmxy"],
            "the tail is of the worker, not of one execution"
        );
    }

    #[test]
    fn the_tail_since_a_mark_holds_nothing_from_before() {
        let (mut collector, now) = collector(ForwardLimits::default());
        let mut lines = Vec::new();
        collector.feed(b"before\nbetween", now, &mut lines);
        let mark = collector.n_read();
        assert_eq!(collector.last_lines_since(mark, 20), Vec::<String>::new());
        collector.feed(b"mine\nlast", now, &mut lines);
        assert_eq!(collector.last_lines_since(mark, 20), ["mine", "last"]);
        collector.feed(&[b'x'; 10_000], now, &mut lines);
        assert_eq!(
            collector.last_lines_since(mark, 20).len(),
            1,
            "a mark that fell out of the tail is its start"
        );
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
