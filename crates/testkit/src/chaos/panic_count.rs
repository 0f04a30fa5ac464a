//! Counts the panics of this process while a soak runs: a task that panics ends quietly, and what it held may be lost.
//! It changes the process's panic hook, so one soak at a time.

use std::panic::{set_hook, take_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts until its end.
pub(super) struct PanicCount(Arc<AtomicU64>);

impl PanicCount {
    pub(super) fn start() -> Self {
        let count = Arc::new(AtomicU64::new(0));
        let (hook, counted) = (take_hook(), Arc::clone(&count));
        set_hook(Box::new(move |info| {
            counted.fetch_add(1, Ordering::Relaxed);
            hook(info);
        }));
        Self(count)
    }

    /// How many there were. The default hook is in force again.
    pub(super) fn end(self) -> u64 {
        drop(take_hook());
        self.0.load(Ordering::Relaxed)
    }
}
