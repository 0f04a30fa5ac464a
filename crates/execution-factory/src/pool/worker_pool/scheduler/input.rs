//! What the scheduler is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::request::Priority;
use plugdock_contracts::{HandlerId, TenantId};

use crate::pool::queue::{Full, LaneKey, Ticket};

/// A request for a worker.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    /// Its number; a smaller one is older.
    pub(crate) ticket: Ticket,
    /// Which workers can run it.
    pub(crate) lane: LaneKey,
    /// Which handler it calls.
    pub(crate) handler: HandlerId,
    /// On whose behalf.
    pub(crate) tenant: Option<TenantId>,
    /// Who is served first.
    pub(crate) priority: Priority,
    /// Bytes of its input.
    pub(crate) bytes: u64,
    /// When it gives up waiting.
    pub(crate) deadline: Option<Instant>,
    /// A handler that runs here invoked it: it waits for nobody.
    pub(crate) nested: bool,
    /// It was in the queue before and keeps its place: it is not refused for want of room.
    pub(crate) again: bool,
}

/// Why a request is not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait.
    Full { full: Full, retry_after: Duration },
    /// Its plugin is quarantined.
    Quarantined { exits: Vec<String>, retry_after: Duration },
    /// Too many nested executions run.
    TooManyNested { limit: usize },
    /// Its plugin was replaced: it has to be prepared again.
    Stale,
    /// The pool stops.
    ShuttingDown,
}

/// What a worker says when it is ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ready {
    /// Its handlers that may run beside other calls.
    pub(crate) concurrent: Arc<BTreeSet<HandlerId>>,
}

/// How a call on a worker is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallOver {
    /// What became of the worker.
    pub(crate) worker: AfterCall,
    /// The handler ran, as far as is known.
    pub(crate) ran: bool,
    /// It ended by itself, well or not, and the worker lives: the plugin works.
    pub(crate) proved: bool,
    /// How long it kept its place on the worker.
    pub(crate) service: Duration,
    /// Resident bytes of the worker, when they were read.
    pub(crate) resident: Option<u64>,
    /// It shall run once more, at its old place in the queue.
    pub(crate) again: Again,
}

/// What became of a worker by a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterCall {
    /// It can take the next.
    Fine,
    /// It is not to be used again.
    Tainted,
    /// It is dead or being killed.
    Gone,
}

/// Whether a call runs once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It is over.
    No,
    /// It provably had not begun.
    TakenBack,
    /// Its handler is idempotent.
    Retried,
}
