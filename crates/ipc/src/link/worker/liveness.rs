//! How a worker shows that it lives: a heartbeat its scheduler proves, and answers to health checks.
//! Pings are answered by the link itself.

use std::sync::{Arc, PoisonError};

use tokio::time::Instant;

use super::state::Worker;
use crate::error::SendError;
use crate::frame::{Frame, HealthLevel, HealthReport, Pong};

/// Proves that whoever holds it is scheduled; its age goes into every pong.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    pub(super) worker: Arc<Worker>,
}

impl Heartbeat {
    /// One beat.
    pub fn beat(&self) {
        *self.worker.beat.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Worker {
    /// The answer to a ping: what is known without asking any handler.
    pub(super) fn pong(&self, nonce: u64) {
        let beat = *self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        let heartbeat_age_ms = beat.map(|at| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX));
        let busy = !self.table().open.is_empty();
        self.core.urge(Frame::connection(Pong { nonce, busy, heartbeat_age_ms }));
    }
}

/// A health check that waits for its answer. Dropped without one, it answers that the check itself failed.
#[derive(Debug)]
pub struct HealthProbe {
    worker: Arc<Worker>,
    nonce: u64,
    answered: bool,
}

impl HealthProbe {
    pub(super) fn new(worker: Arc<Worker>, nonce: u64) -> Self {
        Self { worker, nonce, answered: false }
    }

    /// Says how the plugin is.
    ///
    /// # Errors
    /// The detail is above a bound, or the connection ended.
    pub fn report(mut self, level: HealthLevel, detail: impl Into<String>) -> Result<(), SendError> {
        self.answer(level, detail.into())
    }

    fn answer(&mut self, level: HealthLevel, detail: String) -> Result<(), SendError> {
        let report = HealthReport { nonce: self.nonce, level, detail };
        let frame = self.worker.core.encode(Frame::connection(report))?;
        self.answered = true;
        let mut table = self.worker.table();
        table.n_checks = table.n_checks.saturating_sub(1);
        drop(table);
        self.worker.core.push(frame, None)
    }
}

impl Drop for HealthProbe {
    fn drop(&mut self) {
        if !self.answered
            && let Err(err) =
                self.answer(HealthLevel::Unhealthy, "the health check ended without an answer".to_owned())
        {
            tracing::trace!(%err, "health report not sent");
        }
    }
}
