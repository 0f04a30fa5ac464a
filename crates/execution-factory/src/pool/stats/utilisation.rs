//! How much of the time that workers were ready they had something to do.
//! It keeps two sums, whatever happened, and is told the time.

use std::time::{Duration, Instant};

/// Worker-time, in nanoseconds: 2^128 of them are longer than any pool lives.
#[derive(Debug, Clone)]
pub(super) struct Utilisation {
    since: Instant,
    ready: u32,
    busy: u32,
    ready_time: u128,
    busy_time: u128,
}

impl Utilisation {
    /// Of a pool that has no worker yet.
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, ready: 0, busy: 0, ready_time: 0, busy_time: 0 }
    }

    /// From now on so many workers are ready, and so many of those have a call.
    pub(super) fn level(&mut self, now: Instant, ready: usize, busy: usize) {
        (self.ready_time, self.busy_time) = self.sums(now);
        // Told out of order, time that was counted already is not counted again.
        self.since = self.since.max(now);
        self.ready = u32::try_from(ready).unwrap_or(u32::MAX);
        self.busy = u32::try_from(busy).unwrap_or(u32::MAX).min(self.ready);
    }

    /// The share until now, 0 to 1; 0 when no worker ever was ready.
    #[expect(clippy::cast_precision_loss, reason = "a share is read to a few digits")]
    pub(super) fn share(&self, now: Instant) -> f64 {
        match self.sums(now) {
            (0, _) => 0.0,
            (ready, busy) => busy as f64 / ready as f64,
        }
    }

    fn sums(&self, now: Instant) -> (u128, u128) {
        let passed: Duration = now.saturating_duration_since(self.since);
        let grown = |sum: u128, n: u32| sum.saturating_add(passed.as_nanos().saturating_mul(u128::from(n)));
        (grown(self.ready_time, self.ready), grown(self.busy_time, self.busy))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each row: for so many seconds so many ready and so many busy.
    #[track_caller]
    fn check(rows: &[(u64, usize, usize)], wanted: f64) {
        let mut now = Instant::now();
        let mut utilisation = Utilisation::new(now);
        for (secs, ready, busy) in rows {
            utilisation.level(now, *ready, *busy);
            now += Duration::from_secs(*secs);
        }
        let share = utilisation.share(now);
        assert!((share - wanted).abs() < 1e-9, "{share} for {rows:?}");
    }

    #[test]
    fn busy_time_is_set_against_ready_time() {
        check(&[], 0.0);
        check(&[(5, 0, 0)], 0.0);
        check(&[(5, 2, 0)], 0.0);
        check(&[(5, 2, 2)], 1.0);
        check(&[(1, 4, 1)], 0.25);
        check(&[(10, 1, 1), (10, 1, 0)], 0.5);
        // Time without any worker is no idle time.
        check(&[(10, 1, 1), (1000, 0, 0)], 1.0);
        check(&[(10, 3, 3), (10, 1, 0)], 0.75);
        check(&[(10, 1, 7)], 1.0);
    }

    #[test]
    fn a_time_told_out_of_order_is_not_counted_twice() {
        let now = Instant::now();
        let mut utilisation = Utilisation::new(now);
        utilisation.level(now, 1, 1);
        utilisation.level(now + Duration::from_secs(10), 1, 0);
        utilisation.level(now, 1, 0);
        assert!((utilisation.share(now + Duration::from_secs(20)) - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn a_share_is_between_none_and_all(
            rows in prop::collection::vec((0_u64..1 << 40, 0_usize..5000, 0_usize..5000), 0..50),
        ) {
            let mut now = Instant::now();
            let mut utilisation = Utilisation::new(now);
            for (nanos, ready, busy) in rows {
                utilisation.level(now, ready, busy);
                now += Duration::from_nanos(nanos);
                prop_assert!((0.0..=1.0).contains(&utilisation.share(now)));
            }
        }
    }
}
