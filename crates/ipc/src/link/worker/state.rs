//! The worker's table of open calls and what waits to be accepted.
//! Lock order: the table, then anything of one call, then the outbox.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::end::WorkerEvent;
use super::job::Job;
use crate::error::Violation;
use crate::frame::{CallId, ErrorReport, Frame, Kind};
use crate::link::Core;

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) core: Arc<Core>,
    table: Mutex<Table>,
    pub(super) arrived: Notify,
    pub(super) beat: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) open: HashMap<CallId, Arc<Job>>,
    /// The highest call id seen.
    pub(super) last: u64,
    pub(super) events: VecDeque<WorkerEvent>,
    pub(super) n_checks: usize,
    pub(super) said_goodbye: bool,
}

/// Where a frame's call stands.
pub(super) enum Found {
    Open(Arc<Job>),
    Ended,
    Never,
}

impl Worker {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, table: Mutex::default(), arrived: Notify::new(), beat: Mutex::new(None) }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, id: CallId) -> Found {
        let table = self.table();
        match table.open.get(&id) {
            Some(job) => Found::Open(Arc::clone(job)),
            None if id.0 <= table.last => Found::Ended,
            None => Found::Never,
        }
    }

    /// Takes a new call's id: they only count up.
    pub(super) fn admit(&self, id: CallId) -> Result<(), Violation> {
        let mut table = self.table();
        if id.0 <= table.last {
            return Err(Violation::Twice { kind: Kind::Call, call: id });
        }
        let limit = self.core.limits().max_open_calls;
        if table.open.len() >= limit as usize {
            return Err(Violation::TooManyCalls { limit });
        }
        table.last = id.0;
        Ok(())
    }

    pub(super) fn arrive(&self, event: WorkerEvent) {
        self.table().events.push_back(event);
        self.arrived.notify_one();
    }

    /// Fails a call that was never accepted.
    pub(super) fn fail(&self, id: CallId, report: ErrorReport) {
        let sent = self.core.encode(Frame::bare(id, report)).and_then(|frame| self.core.push(frame, None));
        if let Err(err) = sent {
            tracing::debug!(%err, call = %id, "error of a call not sent");
        }
    }
}
