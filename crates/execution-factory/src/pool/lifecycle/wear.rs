//! When a worker is worn and due to be replaced: by calls, age or memory, each worker at thresholds of its own.
//! It does not know whether there is a place for the replacement; `sizing` decides that.

use std::time::{Duration, Instant};

use plugdock_contracts::backend::RecycleReason;

use super::mixer::{lowered, lowered_span, nth};

/// How worn a worker may be. `None` is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WearLimits {
    /// Calls it may serve.
    pub(crate) calls: Option<u64>,
    /// How old it may be.
    pub(crate) age: Option<Duration>,
    /// Resident bytes it may have between calls.
    pub(crate) memory: Option<u64>,
    /// How far each worker's own thresholds may lie below these, in per cent, so that workers that were started
    /// together are not due together.
    pub(crate) jitter_percent: u8,
}

/// How worn one worker is.
#[derive(Debug, Clone)]
pub(crate) struct Wear {
    calls_most: Option<u64>,
    due_at: Option<Instant>,
    memory_most: Option<u64>,
    calls: u64,
    resident: Option<u64>,
}

impl Wear {
    /// A new worker, with thresholds drawn by its seed: the same seed draws the same ones.
    pub(crate) fn new(limits: &WearLimits, seed: u64, now: Instant) -> Self {
        let per_cent = limits.jitter_percent;
        let age = limits.age.map(|age| lowered_span(age, per_cent, nth(seed, 1)));
        Self {
            // A worker that may serve no call at all would be replaced for ever.
            calls_most: limits.calls.map(|calls| lowered(calls, per_cent, nth(seed, 0)).max(1)),
            // An age that no clock reaches is no bound.
            due_at: age.and_then(|age| now.checked_add(age)),
            memory_most: limits.memory.map(|memory| lowered(memory, per_cent, nth(seed, 2))),
            calls: 0,
            resident: None,
        }
    }

    /// A call ended, well or not.
    pub(crate) fn call_ended(&mut self) {
        self.calls = self.calls.saturating_add(1);
    }

    /// Calls that ended on it.
    pub(crate) const fn calls(&self) -> u64 {
        self.calls
    }

    /// Its resident memory was read. The latest reading counts, not the highest: memory that was given back is no wear.
    pub(crate) fn sampled(&mut self, resident: u64) {
        self.resident = Some(resident);
    }

    /// Why it is due to be replaced, if it is.
    pub(crate) fn due(&self, now: Instant) -> Option<RecycleReason> {
        if self.calls_most.is_some_and(|most| self.calls >= most) {
            return Some(RecycleReason::Calls);
        }
        if self.due_at.is_some_and(|due_at| now >= due_at) {
            return Some(RecycleReason::Age);
        }
        let too_large = self.memory_most.zip(self.resident).is_some_and(|(most, resident)| resident > most);
        too_large.then_some(RecycleReason::Memory)
    }

    /// When it is due if nothing happens to it: only its age grows by itself.
    pub(crate) const fn next_due(&self) -> Option<Instant> {
        self.due_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: WearLimits = WearLimits {
        calls: Some(10),
        age: Some(Duration::from_secs(100)),
        memory: Some(1000),
        jitter_percent: 0,
    };

    #[track_caller]
    fn check(calls: u64, age: u64, resident: &[u64], wanted: Option<RecycleReason>) {
        let now = Instant::now();
        let mut wear = Wear::new(&LIMITS, 0, now);
        (0..calls).for_each(|_| wear.call_ended());
        for bytes in resident {
            wear.sampled(*bytes);
        }
        assert_eq!(
            wear.due(now + Duration::from_secs(age)),
            wanted,
            "{calls} calls, {age} s, {resident:?} bytes"
        );
    }

    #[test]
    fn each_bound_is_met_at_its_threshold() {
        check(0, 0, &[], None);
        check(9, 99, &[1000], None);
        check(10, 0, &[], Some(RecycleReason::Calls));
        check(0, 100, &[], Some(RecycleReason::Age));
        check(0, 0, &[1001], Some(RecycleReason::Memory));
        check(11, 101, &[1001], Some(RecycleReason::Calls));
    }

    #[test]
    fn a_peak_that_went_down_again_is_not_due() {
        check(0, 0, &[5000, 900], None);
        check(0, 0, &[900, 5000], Some(RecycleReason::Memory));
    }

    #[test]
    fn without_bounds_nothing_is_ever_due() {
        let limits = WearLimits { calls: None, age: None, memory: None, jitter_percent: 50 };
        let now = Instant::now();
        let mut wear = Wear::new(&limits, 1, now);
        (0..5000).for_each(|_| wear.call_ended());
        wear.sampled(u64::MAX);
        assert_eq!(wear.due(now + Duration::from_hours(1_000_000)), None);
        assert_eq!((wear.next_due(), wear.calls()), (None, 5000));
    }

    #[test]
    fn every_worker_may_serve_a_call() {
        for (calls, seed) in [(0, 0), (1, 0), (1, 1), (1, 2), (1, 3)] {
            let limits = WearLimits { calls: Some(calls), jitter_percent: 100, ..LIMITS };
            let now = Instant::now();
            let mut wear = Wear::new(&limits, seed, now);
            assert_eq!(wear.calls_most, Some(1));
            wear.call_ended();
            assert_eq!(wear.due(now), Some(RecycleReason::Calls));
        }
    }

    #[test]
    fn an_age_beyond_every_clock_is_no_bound() {
        let limits = WearLimits { age: Some(Duration::MAX), ..LIMITS };
        let far = Instant::now().checked_add(Duration::from_secs(u64::MAX / 4));
        assert_eq!(Wear::new(&limits, 3, far.unwrap_or_else(Instant::now)).due(Instant::now()), None);
    }

    #[test]
    fn workers_that_start_together_are_not_due_together() {
        let limits = WearLimits { calls: Some(1000), jitter_percent: 10, ..LIMITS };
        let now = Instant::now();
        let mut drawn: Vec<_> = (0..10)
            .map(|seed| {
                let wear = Wear::new(&limits, seed, now);
                (wear.calls_most, wear.due_at)
            })
            .collect();
        drawn.sort();
        drawn.dedup_by(|a, b| a.0 == b.0 || a.1 == b.1);
        assert!(drawn.len() >= 8, "{drawn:?}");
    }

    proptest! {
        #[test]
        fn thresholds_lie_within_the_jitter(
            calls: u64, secs in 0_u64..4_000_000_000, memory: u64, jitter in 0_u8..=100, seed: u64,
        ) {
            let age = Duration::from_secs(secs);
            let limits = WearLimits { calls: Some(calls), age: Some(age), memory: Some(memory), jitter_percent: jitter };
            let now = Instant::now();
            let wear = Wear::new(&limits, seed, now);
            let within = |made: u128, most: u128| made <= most && (most - made) * 100 <= most * u128::from(jitter);
            let most_calls = u128::from(wear.calls_most.unwrap());
            prop_assert!(most_calls >= 1 && within(most_calls, u128::from(calls.max(1))));
            prop_assert!(within(u128::from(wear.memory_most.unwrap()), u128::from(memory)));
            prop_assert!(within((wear.due_at.unwrap() - now).as_nanos(), age.as_nanos()));
        }

        #[test]
        fn once_due_by_calls_or_age_is_due_for_ever(calls in 0_u64..20, age in 0_u64..200, later in 0_u64..200) {
            let now = Instant::now();
            let mut wear = Wear::new(&LIMITS, 5, now);
            (0..calls).for_each(|_| wear.call_ended());
            let then = now + Duration::from_secs(age);
            if wear.due(then).is_some() {
                wear.call_ended();
                prop_assert!(wear.due(then + Duration::from_secs(later)).is_some());
            } else {
                prop_assert!(then < wear.next_due().unwrap());
            }
        }
    }
}
