//! One worker as the scheduler knows it.

use std::time::Instant;

use plugdock_contracts::backend::RecycleReason;

use crate::pool::lifecycle::{Checkup, Phase, Step, Wear};
use crate::pool::queue::{LaneKey, Ticket};

/// The scheduler's name for a worker: never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WorkerKey(pub(crate) u64);

/// One worker.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own; most combinations are possible"
)]
pub(super) struct Member {
    pub(super) lane: LaneKey,
    pub(super) phase: Phase,
    /// When it was asked for.
    pub(super) born: Instant,
    /// Since when it has had no call.
    pub(super) idle_since: Instant,
    pub(super) running: usize,
    /// A call runs on it that shares it with no other.
    pub(super) exclusive: bool,
    pub(super) wear: Wear,
    /// From when it is ready.
    pub(super) checkup: Option<Checkup>,
    /// It was started beyond the bounds, for a nested execution.
    pub(super) surplus: bool,
    /// The nested execution that it is started for.
    pub(super) bound: Option<Ticket>,
    /// It is the one start that a quarantined plugin is allowed.
    pub(super) trial: bool,
    /// Why it takes no further call.
    pub(super) leaving: Option<RecycleReason>,
    /// Who does something about its going was told already.
    pub(super) told: bool,
    /// It died or is being killed under a call.
    pub(super) dying: bool,
    /// Whose its slot is when it is gone.
    pub(super) successor: Option<LaneKey>,
    /// For whose sake it goes, while it still has calls.
    pub(super) pledged: Option<LaneKey>,
    /// Its slot stays its lane's even if nobody waits: it is recycled.
    pub(super) recycled: bool,
    /// It is started to replace this one, which goes when it is ready.
    pub(super) replaces: Option<WorkerKey>,
    /// It is started to replace one that is gone already.
    pub(super) refills: bool,
    /// The one that is started to replace it.
    pub(super) replacement: Option<WorkerKey>,
    /// When the scheduler looks at it next.
    pub(super) timer: Option<Instant>,
}

impl Member {
    pub(super) fn new(lane: LaneKey, wear: Wear, now: Instant) -> Self {
        Self {
            lane,
            phase: Phase::Starting,
            born: now,
            idle_since: now,
            running: 0,
            exclusive: false,
            wear,
            checkup: None,
            surplus: false,
            bound: None,
            trial: false,
            leaving: None,
            told: false,
            dying: false,
            successor: None,
            pledged: None,
            recycled: false,
            replaces: None,
            refills: false,
            replacement: None,
            timer: None,
        }
    }

    /// Takes a step that the scheduler has seen to be possible.
    pub(super) fn step(&mut self, step: Step) {
        match self.phase.after(step) {
            Ok(phase) => self.phase = phase,
            // A defect here must not take the host's other executions with it: the worker goes on in its phase.
            Err(error) => {
                debug_assert!(false, "{error}");
                tracing::error!(%error, "a worker was to take a step that it cannot take");
            }
        }
    }

    /// Whether its slot is nobody's yet, once it is going.
    pub(super) const fn is_unclaimed(&self) -> bool {
        self.successor.is_none() && !self.recycled
    }

    /// Whether further calls may be given to it.
    pub(super) fn takes_calls(&self) -> bool {
        self.leaving.is_none() && self.phase.takes_calls()
    }
}
