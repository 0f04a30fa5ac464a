//! The lock around the pool's truth, as a seam: the real one, and one under which every interleaving can be tried.

use std::sync::{Mutex, PoisonError};

/// Exclusive access to a value. Whoever holds it must not wait for anything.
pub(crate) trait Lock<T>: Send + Sync {
    /// A lock around a value.
    fn around(value: T) -> Self;

    /// Does something with the value.
    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R;
}

impl<T: Send> Lock<T> for Mutex<T> {
    fn around(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        // The scheduler's invariants hold between its steps; a step that panicked is a defect that was reported, and
        // stopping every other execution because of it would be another.
        act(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
