//! How many bytes may pass now, at a rate, with little ahead of it. Pure: time comes from outside.
//! It moves no bytes and waits for nothing.

use std::time::Duration;

use tokio::time::Instant;

const NANOS: u128 = 1_000_000_000;

/// What may pass at once after a pause is a tenth of a second's worth: so little that every second stays near its rate.
const BURSTS_PER_SECOND: u64 = 10;

/// Least that is worth a wait, unless less is wanted. Smaller pieces would cost a timer each.
const LEAST_PIECE: u64 = 1024;

/// Credit that grows with time up to a burst, and shrinks with bytes.
#[derive(Debug)]
pub(super) struct TokenBucket {
    per_second: u64,
    /// In billionths of a byte, so that no time is lost to rounding.
    credit: u128,
    as_of: Instant,
}

impl TokenBucket {
    /// A full one. The rate must not be 0.
    pub(super) fn new(per_second: u64, now: Instant) -> Self {
        let mut bucket = Self { per_second, credit: 0, as_of: now };
        bucket.credit = bucket.most();
        bucket
    }

    /// Takes at most so many bytes, and at least one if any are wanted; or says how long to wait before asking again.
    pub(super) fn take(&mut self, now: Instant, wanted: u64) -> Result<u64, Duration> {
        self.refill(now);
        let least = u128::from(wanted.min(self.burst()).min(LEAST_PIECE)) * NANOS;
        if self.credit < least {
            let missing = (least - self.credit).div_ceil(u128::from(self.per_second));
            return Err(Duration::from_nanos(u64::try_from(missing).unwrap_or(u64::MAX)));
        }
        let available = u64::try_from(self.credit / NANOS).unwrap_or(u64::MAX);
        let taken = wanted.min(available);
        self.credit -= u128::from(taken) * NANOS;
        Ok(taken)
    }

    /// Gives back what was taken and not used.
    pub(super) fn give_back(&mut self, unused: u64) {
        self.credit = self.most().min(self.credit + u128::from(unused) * NANOS);
    }

    /// Whether it is full, so that a new one would be the same.
    pub(super) fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.credit == self.most()
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.as_of);
        self.as_of = self.as_of.max(now);
        let earned = passed.as_nanos().saturating_mul(u128::from(self.per_second));
        self.credit = self.most().min(self.credit.saturating_add(earned));
    }

    fn burst(&self) -> u64 {
        (self.per_second / BURSTS_PER_SECOND).max(1)
    }

    fn most(&self) -> u128 {
        u128::from(self.burst()) * NANOS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_passes_and_the_rest_waits_for_its_time() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(100_000, start);
        assert_eq!(bucket.take(start, 50_000), Ok(10_000));
        assert_eq!(bucket.take(start, 1000), Err(Duration::from_millis(10)));
        assert_eq!(bucket.take(start + Duration::from_millis(10), 1000), Ok(1000));
        bucket.give_back(400);
        assert_eq!(bucket.take(start + Duration::from_millis(10), 400), Ok(400));
        assert!(!bucket.is_full(start + Duration::from_millis(100)));
        assert!(bucket.is_full(start + Duration::from_millis(110)));
    }

    proptest! {
        /// In any time, no more than the rate and one burst passes, and whoever waits as told gets something.
        #[test]
        fn no_more_than_the_rate_passes(
            rate in 1024_u64..1 << 40,
            steps in prop::collection::vec((0_u64..50_000_000, 1_u64..1 << 20), 1..100),
        ) {
            let start = Instant::now();
            let (mut now, mut passed) = (start, 0_u64);
            let mut bucket = TokenBucket::new(rate, start);
            for (nanos, wanted) in steps {
                now += Duration::from_nanos(nanos);
                let taken = match bucket.take(now, wanted) {
                    Ok(taken) => taken,
                    Err(wait) => {
                        now += wait;
                        bucket.take(now, wanted).unwrap()
                    }
                };
                prop_assert!((1..=wanted).contains(&taken));
                passed += taken;
                let earned = (now - start).as_nanos() * u128::from(rate) / NANOS;
                prop_assert!(u128::from(passed) <= earned + u128::from(rate / BURSTS_PER_SECOND) + 1);
            }
        }
    }
}
