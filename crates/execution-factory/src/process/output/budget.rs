//! How much output of one execution is passed on: an amount in all, and a rate with a burst.
//! Pure policy: it is told the time and holds no output.

use std::time::{Duration, Instant};

/// The bounds of what is passed on. What is beyond them is read and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardLimits {
    /// Bytes of one execution in all.
    pub bytes_in_all: u64,
    /// Bytes per second over a longer time.
    pub bytes_per_second: u64,
    /// Bytes at once after a quiet time.
    pub burst_bytes: u64,
}

impl Default for ForwardLimits {
    /// 4 MiB in all, of which 1 MiB at once and 1 MiB more each second: a talkative build fits, a flood does not.
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self { bytes_in_all: 4 * MIB, bytes_per_second: MIB, burst_bytes: MIB }
    }
}

/// What is still passed on of one execution's output, and what was not.
#[derive(Debug)]
pub struct Allowance {
    budget: Budget,
    dropped: u64,
}

impl Allowance {
    /// An untouched one.
    pub const fn new(limits: ForwardLimits, now: Instant) -> Self {
        Self { budget: Budget::new(limits, now), dropped: 0 }
    }

    /// Bytes that were read and not passed on.
    pub const fn dropped_bytes(&self) -> u64 {
        self.dropped
    }

    /// Takes up to `wanted` bytes, says how many were granted, and counts the rest as dropped.
    pub(super) fn take(&mut self, wanted: usize, now: Instant) -> usize {
        let granted = self.budget.take(wanted, now);
        self.drop_bytes((wanted - granted) as u64);
        granted
    }

    pub(super) const fn drop_bytes(&mut self, count: u64) {
        self.dropped = self.dropped.saturating_add(count);
    }
}

#[derive(Debug)]
struct Budget {
    limits: ForwardLimits,
    left: u64,
    tokens: u64,
    filled_at: Instant,
}

impl Budget {
    const fn new(limits: ForwardLimits, now: Instant) -> Self {
        Self { limits, left: limits.bytes_in_all, tokens: limits.burst_bytes, filled_at: now }
    }

    /// Takes up to `wanted` bytes and says how many were granted.
    fn take(&mut self, wanted: usize, now: Instant) -> usize {
        self.refill(now);
        let granted = (wanted as u64).min(self.left).min(self.tokens);
        self.left -= granted;
        self.tokens -= granted;
        usize::try_from(granted).expect("no more than what was wanted, which is a usize")
    }

    fn refill(&mut self, now: Instant) {
        /// Finer than this, rounding down would lose tokens to frequent calls.
        const STEP: Duration = Duration::from_millis(10);
        let passed = now.saturating_duration_since(self.filled_at);
        if passed >= STEP {
            let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            let earned = self.limits.bytes_per_second.saturating_mul(millis) / 1000;
            self.tokens = self.tokens.saturating_add(earned).min(self.limits.burst_bytes);
            self.filled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_then_rate_then_the_end() {
        let start = Instant::now();
        let limits = ForwardLimits { bytes_in_all: 250, bytes_per_second: 100, burst_bytes: 100 };
        let mut budget = Budget::new(limits, start);
        assert_eq!(budget.take(150, start), 100);
        assert_eq!(budget.take(1, start), 0);
        assert_eq!(budget.take(100, start + Duration::from_millis(500)), 50);
        assert_eq!(budget.take(1000, start + Duration::from_mins(1)), 100);
        assert_eq!(budget.take(1000, start + Duration::from_mins(2)), 0);
    }
}
