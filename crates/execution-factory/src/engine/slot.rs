//! Slots: how many executions run at a time, and how many may wait for one. The pool's queue is another, in `pool`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use plugdock_contracts::CancelReason;
use plugdock_contracts::error::{ErrorCode, ExecutionError, Resource, Step};
use plugdock_contracts::span::format_span;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::execution::Port;

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

    /// Executions that wait now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Executions that hold a slot now.
    pub(crate) fn taken(&self) -> usize {
        self.size.saturating_sub(self.free.available_permits())
    }

    /// Resolves when a slot is free. Cancel safe.
    pub(crate) async fn ready(&self) {
        // The slots are never closed; if they were, waiting longer would not help.
        let _slot = self.free.acquire().await;
    }

    /// Takes a place for a nested execution, without waiting.
    pub(crate) fn take_nested(&self) -> Result<OwnedSemaphorePermit, ExecutionError> {
        Arc::clone(&self.nested).try_acquire_owned().map_err(|_none_left| {
            let message =
                format!("{} nested executions run already", self.size.saturating_mul(NESTED_FACTOR));
            ExecutionError::new(ErrorCode::ResourceExhausted, message).with_resource(Resource::InvokeDepth)
        })
    }

    /// Waits for a slot, at most `acquire`, and not when the execution is cancelled.
    pub(crate) async fn take(
        &self,
        port: &Port,
        acquire: Duration,
    ) -> Result<OwnedSemaphorePermit, ExecutionError> {
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
            reason = port.cancelled() => Err(cancelled(&reason)),
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
pub(super) fn cancelled(reason: &CancelReason) -> ExecutionError {
    let code = match reason {
        CancelReason::Shutdown => ErrorCode::ShuttingDown,
        _ => ErrorCode::Aborted,
    };
    ExecutionError::new(code, format!("cancelled before it ran: {reason}")).with_step(Step::Queue)
}
