//! What all connections of a server share: the backend, the log, and how far stopping went.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use plugdock_contracts::{ExecutionBackend, ShutdownReport};
use plugdock_core_runtime::BackendChoice;
use tokio::sync::{mpsc, watch};

use super::ring::Ring;
use crate::protocol::ServerFacts;

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(super) backend: Arc<dyn ExecutionBackend>,
    pub(super) choice: BackendChoice,
    pub(super) ring: Ring,
    /// Bytes of one request.
    pub(super) max_request: usize,
    connections: AtomicUsize,
    began: Instant,
    stop: mpsc::Sender<Stop>,
    phase: watch::Sender<Phase>,
}

/// A client's wish that the server stops.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// Time for what runs; the configured one when it does not say.
    pub(super) within: Option<Duration>,
}

/// How far stopping went.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    Serving,
    Draining,
    Ended(ShutdownReport),
}

/// One connection more, as long as it is held.
pub(super) struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(super) fn new(
        backend: Arc<dyn ExecutionBackend>,
        choice: BackendChoice,
        max_request: usize,
        stop: mpsc::Sender<Stop>,
    ) -> Self {
        Self {
            backend,
            choice,
            ring: Ring::default(),
            max_request,
            connections: AtomicUsize::new(0),
            began: Instant::now(),
            stop,
            phase: watch::Sender::new(Phase::Serving),
        }
    }

    /// Counts a connection.
    pub(super) fn count(self: &Arc<Self>) -> Counted {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Asks the server to stop, and waits until its backend has.
    pub(super) async fn stop(&self, within: Option<Duration>) -> ShutdownReport {
        // Full or closed: it is stopping already.
        self.stop.try_send(Stop { within }).ok();
        self.ended().await
    }

    /// Waits until the backend has stopped. Cancel safe.
    pub(super) async fn ended(&self) -> ShutdownReport {
        let mut phase = self.phase.subscribe();
        loop {
            let ended = match &*phase.borrow_and_update() {
                Phase::Ended(report) => Some(report.clone()),
                Phase::Serving | Phase::Draining => None,
            };
            match ended {
                Some(report) => return report,
                // The sender is ours, so it is there as long as we are.
                None => drop(phase.changed().await),
            }
        }
    }

    pub(super) fn facts(&self) -> ServerFacts {
        let (log_records, log_records_dropped) = self.ring.counts();
        ServerFacts {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            connections: self.connections(),
            draining: !matches!(*self.phase.borrow(), Phase::Serving),
            log_records,
            log_records_dropped,
        }
    }
}
