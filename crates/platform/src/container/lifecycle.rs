//! What a service may do when the host starts and stops.
//! The container calls it in order and within a time; a service never calls it on another.

use std::time::Duration;

use plugdock_contracts::BoxFuture;

/// Why a service did not start or stop.
pub type LifecycleError = Box<dyn std::error::Error + Send + Sync>;

/// Optional for a service: what it does at start and at stop. Both must not block the thread.
pub trait Lifecycle: Send + Sync {
    /// Gets ready. When it fails, or its future is dropped because its time is over, it must leave nothing behind: it is
    /// not stopped then. It may be called again.
    fn start(&self) -> BoxFuture<'_, Result<(), LifecycleError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Ends, within the time it is told; after it the future is dropped. It may be called again when it was cut off.
    fn stop(&self, _within: Duration) -> BoxFuture<'_, Result<(), LifecycleError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
