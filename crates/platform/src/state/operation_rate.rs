//! How many operations happened in the last minute, by a sliding window of two counters. Pure: time comes from outside.
//! It is an estimate, exact while a minute is full of its own operations and evened out over the one before.

use std::time::{Duration, Instant};

/// The window that quotas speak of.
const MINUTE: Duration = Duration::from_mins(1);

/// The operations of this minute and of the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct OperationRate {
    started: Instant,
    before: u64,
    current: u64,
}

impl OperationRate {
    /// Nothing happened yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { started: now, before: 0, current: 0 }
    }

    /// Counts an operation, unless the limit is reached: then it answers how many are counted and counts nothing.
    pub(super) fn count(&mut self, now: Instant, limit: Option<u64>) -> Result<(), u64> {
        self.advance(now);
        let counted = self.in_last_minute(now);
        if limit.is_some_and(|limit| counted >= limit) {
            return Err(counted);
        }
        self.current += 1;
        Ok(())
    }

    /// Whether nothing of it counts any more.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.started) >= 2 * MINUTE
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.started);
        if passed >= 2 * MINUTE {
            *self = Self::new(now);
        } else if passed >= MINUTE {
            *self = Self { started: self.started + MINUTE, before: self.current, current: 0 };
        }
    }

    /// This minute's operations, and of the one before the share that is less than a minute ago, rounded up.
    fn in_last_minute(&self, now: Instant) -> u64 {
        let left = MINUTE.saturating_sub(now.saturating_duration_since(self.started));
        let share = (u128::from(self.before) * left.as_millis()).div_ceil(MINUTE.as_millis());
        self.current.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_limit_is_reached_and_comes_back_little_by_little() {
        let start = Instant::now();
        let mut rate = OperationRate::new(start);
        for _ in 0..10 {
            assert_eq!(rate.count(start, Some(10)), Ok(()));
        }
        assert_eq!(rate.count(start + secs(59), Some(10)), Err(10));
        assert_eq!(rate.count(start + secs(60), Some(10)), Err(10));
        assert_eq!(rate.count(start + secs(66), Some(10)), Ok(()));
        assert_eq!(rate.count(start + secs(66), Some(10)), Err(10));
        assert_eq!(rate.count(start + secs(600), Some(10)), Ok(()));
    }

    #[test]
    fn without_a_limit_operations_still_count() {
        let now = Instant::now();
        let mut rate = OperationRate::new(now);
        assert_eq!(rate.count(now, None), Ok(()));
        assert_eq!(rate.count(now, Some(1)), Err(1));
        assert_eq!(rate.count(now, Some(0)), Err(1));
    }

    proptest! {
        #[test]
        fn no_minute_of_its_own_holds_more_than_the_limit(
            steps in prop::collection::vec(0u64..9_000, 1..200),
            limit in 0u64..20,
        ) {
            let start = Instant::now();
            let mut rate = OperationRate::new(start);
            let mut now = start;
            let mut counted = 0;
            let mut window = start;
            for step in steps {
                now += Duration::from_millis(step);
                let accepted = rate.count(now, Some(limit)).is_ok();
                if rate.started != window {
                    (window, counted) = (rate.started, 0);
                }
                counted += u64::from(accepted);
                prop_assert!(counted <= limit && rate.current == counted);
            }
        }
    }
}
