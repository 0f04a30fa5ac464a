//! The cleanup stack of an execution: last in, first out, each entry bounded in time, going on after errors and panics.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use plugdock_contracts::BoxFuture;

use crate::runner::CatchPanic;

/// What one cleanup may take: enough to flush a file or tell a peer, as the system it re-creates allows.
pub(crate) const CLEANUP_LIMIT: Duration = Duration::from_secs(5);

/// Cleanups in the order they were added.
#[derive(Default)]
pub(crate) struct CleanupStack(Mutex<Vec<BoxFuture<'static, ()>>>);

/// Why a cleanup did not finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CleanupFailure {
    /// It took longer than it may.
    TimedOut,
    /// It panicked.
    Panicked(String),
}

impl fmt::Display for CleanupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("cleanup took too long and was dropped"),
            Self::Panicked(message) => write!(f, "cleanup panicked: {message}"),
        }
    }
}

impl CleanupStack {
    pub(crate) fn push(&self, cleanup: BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(cleanup);
    }

    fn pop(&self) -> Option<BoxFuture<'static, ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Runs everything, the newest first, each at most `limit`; what a cleanup adds is run too.
    pub(crate) async fn run(&self, limit: Duration, mut failed: impl FnMut(CleanupFailure)) {
        while let Some(cleanup) = self.pop() {
            match tokio::time::timeout(limit, CatchPanic::new(cleanup)).await {
                Ok(Ok(())) => {}
                Ok(Err(panic)) => failed(CleanupFailure::Panicked(panic.message)),
                Err(_elapsed) => failed(CleanupFailure::TimedOut),
            }
        }
    }
}

impl fmt::Debug for CleanupStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CleanupStack").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn cleanups_run_newest_first_and_go_on_after_failures() {
        let stack = CleanupStack::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        for name in ["first", "second", "third"] {
            let order = Arc::clone(&order);
            stack.push(Box::pin(async move { order.lock().unwrap().push(name) }));
            match name {
                "first" => stack.push(Box::pin(std::future::pending())),
                "second" => stack.push(Box::pin(async { panic!("oh no") })),
                _ => {}
            }
        }
        let mut failures = Vec::new();
        stack.run(CLEANUP_LIMIT, |failure| failures.push(failure)).await;
        assert_eq!(*order.lock().unwrap(), ["third", "second", "first"]);
        assert_eq!(failures, [CleanupFailure::Panicked("oh no".into()), CleanupFailure::TimedOut]);
    }
}
