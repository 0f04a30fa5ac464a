//! The end of an engine: what it still takes, what it waits for, and the one report that every caller of it gets.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plugdock_contracts::CancelReason;
use plugdock_contracts::backend::{BackendEvent, Shutdown, ShutdownReport};
use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Carrier;
use super::engine_core::Engine;

/// Who asks for an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A caller of the backend.
    Caller,
    /// A handler that runs here.
    Nested,
}

/// Everything is taken.
const OPEN: u8 = 0;
/// Only what running handlers invoke is taken: they are to finish.
const DRAINING: u8 = 1;
/// Nothing is taken.
const STOPPING: u8 = 2;

/// How far an engine's end has come.
#[derive(Debug)]
pub(super) struct Stop {
    phase: AtomicU8,
    begun: AtomicBool,
    /// Somebody wants the end at once, also while what runs is being waited for.
    hurry: watch::Sender<bool>,
    report: watch::Sender<Option<ShutdownReport>>,
    /// The task that stops: a caller that goes away must not leave the end half done.
    task: Mutex<JoinSet<()>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(OPEN),
            begun: AtomicBool::new(false),
            hurry: watch::Sender::new(false),
            report: watch::Sender::new(None),
            task: Mutex::default(),
        }
    }
}

impl Stop {
    /// Whether the end has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.phase.load(Ordering::Acquire) != OPEN
    }

    /// Whether an execution of that origin is still taken.
    pub(super) fn check(&self, origin: Origin) -> Result<(), ExecutionError> {
        let taken = match self.phase.load(Ordering::Acquire) {
            OPEN => true,
            DRAINING => origin == Origin::Nested,
            _ => false,
        };
        if taken {
            return Ok(());
        }
        Err(ExecutionError::new(ErrorCode::ShuttingDown, "the backend is stopping"))
    }
}

/// Answers every caller of the shutdown, even when the stopping task is dropped with its runtime.
struct Answer<C: Carrier>(Arc<Engine<C>>);

impl<C: Carrier> Drop for Answer<C> {
    fn drop(&mut self) {
        let ends = self.0.ends.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.0.stop.report.send_replace(Some(ends));
    }
}

impl<C: Carrier> Engine<C> {
    /// Stops. The first call decides how, a later [`Shutdown::Now`] ends its patience; every call gets the same report.
    ///
    /// Cancel safe: the end goes on without its caller.
    pub(crate) async fn shutdown(self: &Arc<Self>, how: Shutdown) -> ShutdownReport {
        if how == Shutdown::Now {
            self.stop.hurry.send_replace(true);
        }
        let mut report = self.stop.report.subscribe();
        if !self.stop.begun.swap(true, Ordering::AcqRel) {
            // Here and not in the task: what is asked for after this call is refused.
            self.enter(DRAINING);
            let answer = Answer(Arc::clone(self));
            let task = async move {
                answer.0.end(how).await;
                drop(answer);
            };
            self.stop.task.lock().unwrap_or_else(PoisonError::into_inner).spawn_on(task, &self.runtime);
        }
        let told = report.wait_for(Option::is_some).await;
        told.ok().and_then(|report| report.clone()).unwrap_or_default()
    }

    async fn end(&self, how: Shutdown) {
        self.parts.announcer.announce(BackendEvent::ShuttingDown);
        if let Shutdown::Drain(within) = how {
            let mut hurry = self.stop.hurry.subscribe();
            // When the time is over, or somebody is in a hurry, what is left is cancelled like everything at once.
            tokio::select! {
                () = self.none_alive() => {}
                () = tokio::time::sleep(within) => {}
                _hurry = hurry.wait_for(|hurry| *hurry) => {}
            }
        }
        self.enter(STOPPING);
        for cancel in self.live().values() {
            cancel.cancel(CancelReason::Shutdown);
        }
        self.none_alive().await;
        self.parts.carrier.shutdown().await;
        if let Err(error) = self.parts.workspaces.close().await {
            tracing::warn!(error = %ErrorChain(&error), "the workspace root was not cleaned up");
        }
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }

    fn enter(&self, phase: u8) {
        // Under the lock, so that whatever was admitted before is on the list of what is alive.
        let _live = self.live();
        self.stop.phase.store(phase, Ordering::Release);
    }

    async fn none_alive(&self) {
        let mut n_live = self.n_live.subscribe();
        // The sender lives as long as `self`.
        let _none = n_live.wait_for(|n| *n == 0).await;
    }
}
