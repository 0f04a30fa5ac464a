//! The host's table of open calls, shared by its handles and its router.
//! Lock order: the table, then one call's inbox, then the outbox.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::inbox::Inbox;
use super::probe::Probes;
use crate::error::SendError;
use crate::frame::{CallId, ErrorReport, Frame, Goodbye, HostReply, ReplyOutcome};
use crate::link::Core;
use crate::stream::Outflow;

#[derive(Debug)]
pub(super) struct Host {
    pub(super) core: Arc<Core>,
    calls: Mutex<Calls>,
    pub(super) probes: Mutex<Probes>,
    pub(super) goodbye: watch::Sender<Option<Goodbye>>,
    pub(super) n_late: AtomicU64,
}

#[derive(Debug)]
struct Calls {
    open: HashMap<CallId, Arc<CallState>>,
    next: u64,
}

#[derive(Debug)]
pub(super) struct CallState {
    pub(super) id: CallId,
    inbox: Mutex<Inbox>,
    pub(super) ready: Notify,
    pub(super) inputs: Vec<Arc<Outflow>>,
    pub(super) cancelled: AtomicBool,
}

/// Where a frame's call stands.
pub(super) enum Found {
    Open(Arc<CallState>),
    Ended,
    Never,
}

impl CallState {
    /// Held for plain field access only.
    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            calls: Mutex::new(Calls { open: HashMap::new(), next: 1 }),
            probes: Mutex::default(),
            goodbye: watch::Sender::new(None),
            n_late: AtomicU64::new(0),
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a call its id and queues its frame, in one step, so that ids go out in order.
    pub(super) fn open(
        &self,
        n_inputs: u32,
        push: impl FnOnce(CallId) -> Result<(), SendError>,
    ) -> Result<Arc<CallState>, SendError> {
        let limits = *self.core.limits();
        let mut calls = self.calls();
        if calls.open.len() >= limits.max_open_calls as usize {
            return Err(SendError::TooManyCalls { limit: limits.max_open_calls });
        }
        let id = CallId(calls.next);
        let state = Arc::new(CallState {
            id,
            inbox: Mutex::new(Inbox::new(id, limits)),
            ready: Notify::new(),
            inputs: (0..n_inputs).map(|_| Arc::new(Outflow::new(limits.stream_window))).collect(),
            cancelled: AtomicBool::new(false),
        });
        push(id)?;
        calls.next += 1;
        calls.open.insert(id, Arc::clone(&state));
        Ok(state)
    }

    pub(super) fn find(&self, id: CallId) -> Found {
        let calls = self.calls();
        match calls.open.get(&id) {
            Some(state) => Found::Open(Arc::clone(state)),
            None if id.0 < calls.next => Found::Ended,
            None => Found::Never,
        }
    }

    /// Takes a call off the table: its last frame came, or it was never sent.
    pub(super) fn close(&self, state: &CallState) {
        self.calls().open.remove(&state.id);
        for flow in &state.inputs {
            flow.finish();
        }
    }

    pub(super) fn n_open(&self) -> usize {
        self.calls().open.len()
    }

    pub(super) fn all(&self) -> Vec<Arc<CallState>> {
        self.calls().open.values().cloned().collect()
    }

    pub(super) fn count_late(&self) {
        self.n_late.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers a host call that nobody will execute.
    pub(super) fn refuse(&self, call: CallId, id: u32, report: ErrorReport) {
        let outcome = ReplyOutcome::Err(Box::new(report));
        let sent = self
            .core
            .encode(Frame::bare(call, HostReply { id, outcome }))
            .and_then(|frame| self.core.push(frame, None));
        if let Err(err) = sent {
            tracing::debug!(%err, %call, id, "refusal of a host call not sent");
        }
    }
}
