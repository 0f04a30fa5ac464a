//! How many workers stay: which idle ones may go, and how a worn one is replaced without falling below capacity.
//! Decisions on numbers; it does not know what a worker is, only how it is called.

use std::time::{Duration, Instant};

/// How many workers a pool keeps, and has at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// So many are not sent away for having nothing to do.
    pub(crate) min: usize,
    /// No more are started.
    pub(crate) max: usize,
}

/// How a worn worker may be replaced now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recycle {
    /// There is a place: start the replacement, and send the old one away when it is ready.
    ReplaceFirst,
    /// There is no place: send the old one away, then start the replacement. No other may be out meanwhile.
    OneByOne,
    /// Another one is out already. The worn worker goes on serving.
    Wait,
}

impl Bounds {
    /// The idle workers that may go, longest idle first: those idle for `idle_after`, and no more than leave `min` of
    /// `total`. With `min` at the upper bound and no time to be idle, it is what a pool that became smaller sends away.
    pub(crate) fn to_shrink<K: Clone>(
        self,
        idle: &[(K, Instant)],
        total: usize,
        idle_after: Duration,
        now: Instant,
    ) -> Vec<K> {
        let is_due = |since: &Instant| now.saturating_duration_since(*since) >= idle_after;
        let mut due: Vec<&(K, Instant)> = idle.iter().filter(|(_, since)| is_due(since)).collect();
        // Stable, so that of two idle for the same time the one that was named first goes first.
        due.sort_by_key(|(_, since)| *since);
        due.into_iter().take(total.saturating_sub(self.min)).map(|(worker, _)| worker.clone()).collect()
    }

    /// When a further idle worker may go if nothing happens until then.
    pub(crate) fn next_shrink<K>(
        self,
        idle: &[(K, Instant)],
        total: usize,
        idle_after: Duration,
    ) -> Option<Instant> {
        let longest = idle.iter().map(|(_, since)| *since).min().filter(|_| total > self.min)?;
        longest.checked_add(idle_after)
    }

    /// How a worn worker may be replaced while `total` workers live or are started and `n_out` were sent away one by
    /// one, whose replacements are not ready yet.
    pub(crate) const fn may_recycle(self, total: usize, n_out: usize) -> Recycle {
        // The places of those that are out are their replacements'.
        if total.saturating_add(n_out) < self.max {
            Recycle::ReplaceFirst
        } else if n_out == 0 {
            Recycle::OneByOne
        } else {
            Recycle::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDLE_AFTER: Duration = Duration::from_mins(1);

    /// Workers called by their position, each idle for so many seconds (less than an hour) at the time given with them.
    fn named(idle: &[u64]) -> (Vec<(usize, Instant)>, Instant) {
        let start = Instant::now();
        let since = |secs: &u64| start + Duration::from_secs(3600 - *secs);
        (idle.iter().map(since).enumerate().collect(), start + Duration::from_hours(1))
    }

    /// `idle` is for how many seconds each idle worker has had nothing to do.
    #[track_caller]
    fn check(idle: &[u64], total: usize, min: usize, wanted: &[usize]) {
        let (idle, now) = named(idle);
        assert_eq!(Bounds { min, max: 10 }.to_shrink(&idle, total, IDLE_AFTER, now), wanted);
    }

    #[test]
    fn the_longest_idle_go_first_and_never_below_the_minimum() {
        check(&[], 0, 0, &[]);
        check(&[59, 60, 61], 3, 0, &[2, 1]);
        check(&[70, 90, 80], 3, 1, &[1, 2]);
        check(&[70, 90, 80], 3, 3, &[]);
        check(&[70, 70], 2, 1, &[0]);
        // Busy workers count: both idle ones may go, because two others stay.
        check(&[70, 80], 4, 2, &[1, 0]);
        // More are wanted than there are.
        check(&[70, 80], 2, 5, &[]);
    }

    #[test]
    fn a_smaller_pool_sends_away_what_is_over_at_once() {
        let now = Instant::now();
        let shrunk = Bounds { min: 1, max: 1 }.to_shrink(&[('a', now), ('b', now)], 3, Duration::ZERO, now);
        assert_eq!(shrunk, ['a', 'b']);
    }

    #[test]
    fn the_next_shrink_is_when_the_longest_idle_is_due() {
        let now = Instant::now();
        let idle = [('a', now + Duration::from_secs(1)), ('b', now)];
        let bounds = Bounds { min: 1, max: 4 };
        assert_eq!(bounds.next_shrink(&idle, 2, IDLE_AFTER), Some(now + IDLE_AFTER));
        assert_eq!(bounds.next_shrink(&idle, 1, IDLE_AFTER), None);
        assert_eq!(bounds.next_shrink::<char>(&[], 4, IDLE_AFTER), None);
    }

    #[test]
    fn recycling_starts_the_replacement_first_where_there_is_a_place() {
        let rows = [
            (0, 0, Recycle::ReplaceFirst),
            (3, 0, Recycle::ReplaceFirst),
            (4, 0, Recycle::OneByOne),
            (4, 1, Recycle::Wait),
            // The place of the one that is out is its replacement's, not another one's.
            (3, 1, Recycle::Wait),
            (2, 1, Recycle::ReplaceFirst),
            (usize::MAX, usize::MAX, Recycle::Wait),
            // A pool that became smaller.
            (6, 0, Recycle::OneByOne),
            (6, 2, Recycle::Wait),
        ];
        for (total, n_out, wanted) in rows {
            assert_eq!(
                Bounds { min: 2, max: 4 }.may_recycle(total, n_out),
                wanted,
                "{total} workers, {n_out} out"
            );
        }
    }

    proptest! {
        #[test]
        fn shrinking_leaves_the_minimum(
            idle in prop::collection::vec(0_u64..200, 0..12), busy in 0_usize..12, min in 0_usize..12,
        ) {
            let (named, now) = named(&idle);
            let total = idle.len() + busy;
            let going = Bounds { min, max: 24 }.to_shrink(&named, total, IDLE_AFTER, now);
            prop_assert!(going.is_empty() || total - going.len() >= min);
            let times: Vec<u64> = going.iter().map(|n| idle[*n]).collect();
            prop_assert!(times.iter().all(|secs| *secs >= 60) && times.is_sorted_by(|a, b| a >= b));
        }
    }
}
