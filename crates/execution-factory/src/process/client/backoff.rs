//! When a lost spawner may be started again: at once the first time, then ever more rarely.
//! Pure policy: it is told the time and starts nothing.

use std::time::{Duration, Instant};

/// The delay after the second loss; a spawner takes about a millisecond to start, so this is long for it.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// The longest delay: a host that cannot start a spawner should notice soon when it can again.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// A quiet time after which earlier losses are forgotten.
const FORGET_AFTER: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Backoff {
    losses: u32,
    last: Option<Instant>,
}

impl Backoff {
    /// A spawner was lost, or did not start.
    pub(super) fn note_loss(&mut self, now: Instant) {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > FORGET_AFTER) {
            self.losses = 0;
        }
        self.losses = self.losses.saturating_add(1);
        self.last = Some(now);
    }

    /// How long to wait before the next start; zero means now.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let Some(last) = self.last else { return Duration::ZERO };
        let delay = match self.losses {
            0 | 1 => Duration::ZERO,
            losses => FIRST_DELAY.saturating_mul(1 << (losses - 2).min(16)).min(MAX_DELAY),
        };
        (last + delay).saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_ceiling_and_are_forgotten() {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.wait(start), Duration::ZERO);
        let mut delays = Vec::new();
        for _ in 0..40 {
            backoff.note_loss(start);
            delays.push(backoff.wait(start));
        }
        assert_eq!(delays[..4], [0, 100, 200, 400].map(Duration::from_millis));
        assert!(delays.is_sorted());
        assert_eq!(delays[39], MAX_DELAY);
        assert_eq!(backoff.wait(start + MAX_DELAY), Duration::ZERO);
        let later = start + FORGET_AFTER + Duration::from_secs(1);
        backoff.note_loss(later);
        assert_eq!(backoff.wait(later), Duration::ZERO);
    }
}
