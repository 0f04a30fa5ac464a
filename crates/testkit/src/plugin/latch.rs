//! What holds handlers that ignore every request to stop until their test is over: a linked one runs in the test's own
//! process, where nothing can kill it. In a process of its own nobody opens the latch.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

static OPENED: Mutex<u64> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, u64> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in time: open once somebody opened all latches after it was made.
#[derive(Debug, Clone, Copy)]
pub struct Latch(u64);

impl Latch {
    /// A latch that is shut.
    pub fn shut() -> Self {
        Self(*lock())
    }

    /// Whether it was opened.
    pub fn is_open(self) -> bool {
        *lock() > self.0
    }

    /// Blocks the thread until it is opened.
    pub fn block(self) {
        let opened = CHANGED.wait_while(lock(), |opened| *opened <= self.0);
        drop(opened.unwrap_or_else(PoisonError::into_inner));
    }

    /// Opens every latch of this process.
    pub fn open_all() {
        *lock() += 1;
        CHANGED.notify_all();
    }
}
