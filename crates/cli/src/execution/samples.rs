//! Measured times, kept exactly up to a bound and as a fair sample beyond it.
//! It answers quantiles; it knows nothing of executions.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use plugdock_contracts::stats::micros;
use serde::Serialize;

/// Values that are kept. Eight megabytes; up to here every quantile is that of all values.
const MAX_KEPT: usize = 1_000_000;

/// Measured times, in microseconds.
///
/// Beyond the bound each further value takes the place of a random one with the chance that every value seen so far is
/// kept equally likely (reservoir sampling, Vitter's algorithm R). Count and largest stay exact.
#[derive(Debug, Clone)]
pub(crate) struct Samples {
    kept: Vec<u64>,
    bound: usize,
    seen: u64,
    max: u64,
    random: u64,
}

/// Where the values lie, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    /// How many values there were.
    pub(crate) count: u64,
    #[serde(rename = "p50_us")]
    pub(crate) p50: u64,
    #[serde(rename = "p90_us")]
    pub(crate) p90: u64,
    #[serde(rename = "p99_us")]
    pub(crate) p99: u64,
    #[serde(rename = "max_us")]
    pub(crate) max: u64,
    /// Whether the quantiles are those of a sample, because there were more values than are kept.
    pub(crate) sampled: bool,
}

impl Default for Samples {
    fn default() -> Self {
        Self::with_bound(MAX_KEPT)
    }
}

impl Samples {
    /// Keeps at most so many values, at least one.
    pub(crate) fn with_bound(bound: usize) -> Self {
        // Any start but zero will do: the sample has to be fair, not secret.
        let random = RandomState::new().build_hasher().finish() | 1;
        Self { kept: Vec::new(), bound: bound.max(1), seen: 0, max: 0, random }
    }

    pub(crate) fn add(&mut self, span: Duration) {
        let value = micros(span);
        self.seen += 1;
        self.max = self.max.max(value);
        if self.kept.len() < self.bound {
            self.kept.push(value);
            return;
        }
        let place = usize::try_from(self.next_random() % self.seen).unwrap_or(usize::MAX);
        if let Some(kept) = self.kept.get_mut(place) {
            *kept = value;
        }
    }

    /// The quantiles, if there is a value.
    pub(crate) fn quantiles(&self) -> Option<Quantiles> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        // The smallest value that so many of a hundred do not exceed.
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1).min(last)];
        let sampled = self.seen > sorted.len() as u64;
        Some(Quantiles { count: self.seen, p50: at(50), p90: at(90), p99: at(99), max: self.max, sampled })
    }

    /// Xorshift: every bit pattern but zero comes once before any comes again.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>, bound: usize) -> Samples {
        let mut samples = Samples::with_bound(bound);
        values.into_iter().for_each(|value| samples.add(Duration::from_micros(value)));
        samples
    }

    #[test]
    fn quantiles_are_exact_up_to_the_bound() {
        assert_eq!(Samples::default().quantiles(), None);
        let one = of([7], 10).quantiles().unwrap();
        assert_eq!((one.p50, one.p90, one.p99, one.max), (7, 7, 7, 7));
        let hundred = of((1..=100).rev(), 100).quantiles().unwrap();
        assert_eq!((hundred.p50, hundred.p90, hundred.p99, hundred.max), (50, 90, 99, 100));
        assert!(!hundred.sampled);
        let two = of([1, 2], 10).quantiles().unwrap();
        assert_eq!((two.p50, two.p90), (1, 2));
    }

    #[test]
    fn beyond_the_bound_the_sample_is_fair_and_the_largest_exact() {
        let samples = of((1..=100_000).chain([9_999_999]), 1000);
        assert_eq!(samples.kept.len(), 1000);
        let found = samples.quantiles().unwrap();
        assert_eq!((found.count, found.max, found.sampled), (100_001, 9_999_999, true));
        // The median of a thousand fair draws misses by more than a tenth about once in 10^10 runs.
        assert!((40_000..=60_000).contains(&found.p50), "{found:?}");
    }
}
