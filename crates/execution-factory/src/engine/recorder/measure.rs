//! One measured quantity: how many values, where they lie. Count, mean and extremes are exact, quantiles to some digits.
//! Its memory and the cost of reading it depend on the range of the values, not on their number.

use std::time::Duration;

use hdrhistogram::Histogram;
use plugdock_contracts::stats::{Distribution, micros};

/// Longest time that is told apart, in microseconds: an hour. Longer ones count as that among the quantiles.
const MAX_MICROS: u64 = 3_600_000_000;

/// Times, in microseconds.
#[derive(Debug)]
pub(crate) struct Measure {
    histogram: Histogram<u64>,
    sum: u128,
    min: u64,
    max: u64,
}

impl Measure {
    /// Quantiles to three digits: at most 190 KiB when it holds values up to an hour, 90 KiB up to a second.
    pub(crate) fn fine() -> Self {
        Self::with_digits(3)
    }

    /// Quantiles to two digits: at most 26 KiB when it holds values up to an hour, 14 KiB up to a second.
    pub(crate) fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        // It grows with the longest value, because most never see a long one.
        let histogram = Histogram::new(digits).expect("the number of digits is one that the library accepts");
        Self { histogram, sum: 0, min: u64::MAX, max: 0 }
    }

    /// One more value.
    pub(crate) fn record(&mut self, span: Duration) {
        let value = micros(span);
        let recorded = self.histogram.record(value.min(MAX_MICROS));
        recorded.expect("a histogram that grows takes every value up to half of `i64::MAX`");
        self.sum = self.sum.saturating_add(u128::from(value));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Where the values lie.
    #[expect(clippy::cast_precision_loss, reason = "a mean in microseconds is read to a few digits")]
    pub(crate) fn distribution(&self) -> Distribution {
        let mut made = Distribution::default();
        let count = self.histogram.len();
        if count == 0 {
            return made;
        }
        (made.count, made.min, made.max) = (count, self.min, self.max);
        made.mean = self.sum as f64 / count as f64;
        // In one pass; a bucket's upper end can lie above every value in it.
        let mut quantiles = self.histogram.value_at_quantiles([0.5, 0.95, 0.99]);
        for place in [&mut made.p50, &mut made.p95, &mut made.p99] {
            *place = quantiles.next().unwrap_or(self.max).clamp(self.min, self.max);
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64], mut measure: Measure) -> Distribution {
        for value in values {
            measure.record(Duration::from_micros(*value));
        }
        measure.distribution()
    }

    #[test]
    fn nothing_measured_is_all_zero() {
        assert_eq!(of(&[], Measure::fine()), Distribution::default());
    }

    #[test]
    fn one_value_is_every_quantile_exactly() {
        for measure in [Measure::fine(), Measure::coarse()] {
            let made = of(&[123_457], measure);
            assert_eq!([made.min, made.p50, made.p95, made.p99, made.max], [123_457; 5]);
        }
    }

    #[test]
    fn a_value_beyond_the_range_is_kept_in_mean_and_maximum() {
        let made = of(&[0, 2 * MAX_MICROS], Measure::coarse());
        assert_eq!((made.min, made.max, made.count), (0, 2 * MAX_MICROS, 2));
        assert!((made.mean - 3.6e9).abs() < 1.0);
        assert!((MAX_MICROS..=MAX_MICROS / 100 * 101).contains(&made.p99), "{}", made.p99);
    }

    #[test]
    fn the_memory_is_what_the_documentation_says() {
        let bytes = |mut measure: Measure, longest: u64| {
            measure.record(Duration::from_micros(longest));
            measure.histogram.distinct_values() * size_of::<u64>()
        };
        for (longest, fine, coarse) in [(MAX_MICROS, 190 << 10, 26 << 10), (1_000_000, 90 << 10, 14 << 10)] {
            let made = (bytes(Measure::fine(), longest), bytes(Measure::coarse(), longest));
            assert!(made.0 <= fine && made.1 <= coarse, "{made:?} bytes for {longest} us");
        }
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values_to_their_digits(
            mut values in prop::collection::vec(0_u64..10_000_000, 1..300),
        ) {
            let (fine, coarse) = (of(&values, Measure::fine()), of(&values, Measure::coarse()));
            values.sort_unstable();
            let rank = |per_cent: usize| values[(values.len() * per_cent).div_ceil(100) - 1];
            for (made, parts) in [(fine, 1000), (coarse, 100)] {
                prop_assert_eq!((made.min, made.max), (values[0], values[values.len() - 1]));
                for (told, exact) in [(made.p50, rank(50)), (made.p95, rank(95)), (made.p99, rank(99))] {
                    prop_assert!(told.abs_diff(exact) <= exact / parts + 1, "{} for {}", told, exact);
                }
            }
        }
    }
}
