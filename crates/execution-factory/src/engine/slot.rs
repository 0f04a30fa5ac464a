//! Slots: how many executions run at a time, and how many may wait for one. The pool's queue is another, in `pool`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plugdock_contracts::CancelReason;
use plugdock_contracts::error::{ErrorCode, ExecutionError, Resource, Step};
use plugdock_contracts::span::format_span;
use plugdock_contracts::stats::BackendStats;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Claim, NoSeat};

/// Nested executions at a time, for each slot: they do not wait for slots, so a bound of their own keeps a handler that
/// invokes without end from starting processes without end.
const NESTED_FACTOR: usize = 8;

/// Slots of one backend; whoever waits is served in order.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    nested: Arc<Semaphore>,
    size: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// Counts a waiter until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Slots {
    pub(crate) fn new(size: usize, max_waiting: usize) -> Self {
        let nested = size.saturating_mul(NESTED_FACTOR).min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(size)),
            nested: Arc::new(Semaphore::new(nested)),
            size,
            waiting: AtomicUsize::new(0),
            max_waiting,
        }
    }

    /// Fills in what runs and waits.
    pub(crate) fn fill(&self, stats: &mut BackendStats) {
        stats.running = self.size.saturating_sub(self.free.available_permits()) as u64;
        stats.waiting = self.waiting.load(Ordering::Acquire) as u64;
    }

    /// Resolves when a slot is free. Cancel safe.
    pub(crate) async fn ready(&self) {
        // The slots are never closed; if they were, waiting longer would not help.
        let _slot = self.free.acquire().await;
    }

    /// Waits for a slot, or takes one of those for nested executions.
    pub(crate) async fn reserve(&self, claim: Claim<'_>) -> Result<OwnedSemaphorePermit, NoSeat> {
        let taken = if claim.nested { self.take_nested() } else { self.take(&claim).await };
        taken.map_err(NoSeat::Failed)
    }

    /// Takes a place for a nested execution, without waiting.
    fn take_nested(&self) -> Result<OwnedSemaphorePermit, ExecutionError> {
        Arc::clone(&self.nested).try_acquire_owned().map_err(|_none_left| {
            let message =
                format!("{} nested executions run already", self.size.saturating_mul(NESTED_FACTOR));
            ExecutionError::new(ErrorCode::ResourceExhausted, message).with_resource(Resource::InvokeDepth)
        })
    }

    /// Waits for a slot, at most `acquire`, and not when the execution is cancelled.
    async fn take(&self, claim: &Claim<'_>) -> Result<OwnedSemaphorePermit, ExecutionError> {
        let acquire = claim.timeouts.acquire();
        if let Ok(slot) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(slot);
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= self.max_waiting {
            let message = format!("{before} executions wait already, the limit is {}", self.max_waiting);
            return Err(ExecutionError::new(ErrorCode::QueueFull, message)
                .with_step(Step::Queue)
                .with_details(serde_json::json!({ "waiting": before, "limit": self.max_waiting })));
        }
        tokio::select! {
            biased;
            reason = claim.cancelled.wait() => Err(cancelled_waiting(&reason)),
            slot = Arc::clone(&self.free).acquire_owned() => {
                slot.map_err(|_closed| ExecutionError::new(ErrorCode::ShuttingDown, "the backend is stopping"))
            }
            () = tokio::time::sleep(acquire) => {
                let message = format!("no slot became free within {}", format_span(acquire));
                Err(ExecutionError::new(ErrorCode::AcquireTimeout, message).with_step(Step::Queue).with_limit(acquire))
            }
        }
    }
}

/// The error of an execution that was cancelled before it ran.
pub(crate) fn cancelled_waiting(reason: &CancelReason) -> ExecutionError {
    let code = match reason {
        CancelReason::Shutdown => ErrorCode::ShuttingDown,
        _ => ErrorCode::Aborted,
    };
    ExecutionError::new(code, format!("cancelled before it ran: {reason}")).with_step(Step::Queue)
}
