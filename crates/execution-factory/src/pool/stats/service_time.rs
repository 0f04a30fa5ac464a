//! How long a call takes lately, to estimate when a refused one may come again.
//! An estimate for people and retries; nothing is decided by it.

use std::time::Duration;

/// Weight of the newest call: one part in eight, as TCP smooths round-trip times (RFC 6298). Some twenty calls of
/// another length move the estimate there.
const SMOOTHING: u32 = 8;

/// The guess until a call was measured: long for most handlers, short for whoever retries.
const FIRST_GUESS: Duration = Duration::from_millis(100);

/// A longer call counts as this, so that one does not rule the estimate for a day.
const LONGEST: Duration = Duration::from_hours(1);

/// What is told at least: a retry at once would only be refused again.
const SOONEST_RETRY: Duration = Duration::from_millis(1);

/// What is told at most: beyond it an estimate is a guess, and a queue may have emptied for other reasons.
const LATEST_RETRY: Duration = Duration::from_mins(1);

/// A moving average of how long workers are taken by a call.
#[derive(Debug, Clone, Default)]
pub(super) struct ServiceTime(Option<Duration>);

impl ServiceTime {
    /// A call took a worker for so long.
    pub(super) fn served(&mut self, taken: Duration) {
        let taken = taken.min(LONGEST);
        self.0 = Some(match self.0 {
            Some(average) => (average * (SMOOTHING - 1) + taken) / SMOOTHING,
            None => taken,
        });
    }

    /// When a further request would probably be served if `waiting` are before it and `capacity` calls run at a time:
    /// the rounds until its turn, each as long as a call takes lately. From 1 ms to 60 s.
    pub(super) fn retry_after(&self, waiting: usize, capacity: usize) -> Duration {
        if capacity == 0 {
            return LATEST_RETRY;
        }
        let rounds = u32::try_from(waiting / capacity).unwrap_or(u32::MAX).saturating_add(1);
        self.0.unwrap_or(FIRST_GUESS).saturating_mul(rounds).clamp(SOONEST_RETRY, LATEST_RETRY)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[track_caller]
    fn check(taken: &[Duration], waiting: usize, capacity: usize, wanted: Duration) {
        let mut service = ServiceTime::default();
        for taken in taken {
            service.served(*taken);
        }
        assert_eq!(
            service.retry_after(waiting, capacity),
            wanted,
            "{taken:?}, {waiting} wait, {capacity} run"
        );
    }

    #[test]
    fn the_estimate_is_the_rounds_until_the_turn() {
        check(&[MS * 20], 0, 4, MS * 20);
        check(&[MS * 20], 3, 4, MS * 20);
        check(&[MS * 20], 4, 4, MS * 40);
        check(&[MS * 20], 100, 10, MS * 220);
        check(&[], 0, 1, FIRST_GUESS);
        check(&[MS * 16, MS * 24], 0, 1, MS * 17);
    }

    #[test]
    fn the_estimate_stays_within_what_is_told() {
        check(&[MS / 100], 0, 10, SOONEST_RETRY);
        check(&[MS * 1000], 1000, 1, LATEST_RETRY);
        check(&[Duration::MAX, Duration::MAX], usize::MAX, 1, LATEST_RETRY);
        check(&[MS], 0, 0, LATEST_RETRY);
    }

    #[test]
    fn calls_of_another_length_move_the_estimate() {
        let mut service = ServiceTime::default();
        service.served(MS * 10);
        (0..40).for_each(|_| service.served(MS * 100));
        assert!((MS * 99..=MS * 100).contains(&service.retry_after(0, 1)));
    }

    proptest! {
        #[test]
        fn the_average_stays_between_the_shortest_and_the_longest(
            millis in prop::collection::vec(2_u64..50_000, 1..60),
        ) {
            let mut service = ServiceTime::default();
            for millis in &millis {
                service.served(Duration::from_millis(*millis));
            }
            let told = service.retry_after(0, 1).as_millis();
            let (least, most) = (*millis.iter().min().unwrap(), *millis.iter().max().unwrap());
            // Division rounds down by less than a nanosecond each time.
            prop_assert!(told + 1 >= u128::from(least) && told <= u128::from(most));
        }
    }
}
