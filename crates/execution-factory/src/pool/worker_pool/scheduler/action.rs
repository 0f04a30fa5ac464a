//! What the scheduler wants done. Whoever holds it does it after the lock is free, in this order.

use std::time::Duration;

use plugdock_contracts::backend::RecycleReason;
use plugdock_contracts::error::KillReason;

use super::member::WorkerKey;
use crate::pool::lifecycle::Check;
use crate::pool::queue::{LaneKey, Ticket};

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a worker of this lane.
    Start { worker: WorkerKey, lane: LaneKey },
    /// Give this request this worker.
    Grant { ticket: Ticket, worker: WorkerKey },
    /// Tell this request that it gets none.
    Refuse { ticket: Ticket, why: WhyNot },
    /// Send a worker away: it has no call. One that is being started is given up.
    Retire { worker: WorkerKey },
    /// Kill a worker.
    Kill { worker: WorkerKey, reason: KillReason },
    /// Ask a worker how it is.
    Check { worker: WorkerKey, check: Check },
    /// Nothing belongs to this lane any more.
    Forget { lane: LaneKey },
    /// Tell whoever listens.
    Tell(Note),
}

/// Why a request that waited gets no worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhyNot {
    /// It waited as long as it may.
    Waited(Duration),
    /// The worker that was started for it did not become ready; whoever started it knows the error.
    StartFailed(WorkerKey),
    /// Its plugin is quarantined.
    Quarantined { exits: Vec<String>, retry_after: Duration },
    /// Its plugin was replaced: it has to be prepared again.
    Stale,
    /// The pool stops.
    ShuttingDown,
}

/// Something that subscribers hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// A worker was sent away.
    Recycled { worker: WorkerKey, why: RecycleReason },
    /// A plugin is quarantined.
    Quarantined { lane: LaneKey, exits: Vec<String>, retry_after: Duration },
    /// It works again.
    Released { lane: LaneKey },
    /// A worker failed a health check.
    HealthFailed { worker: WorkerKey, detail: String },
    /// The bounds changed.
    Resized { min: usize, max: usize },
}
