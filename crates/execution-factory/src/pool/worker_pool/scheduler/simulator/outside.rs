//! What is around a simulated scheduler: callers, processes, questions that are out. It believes nothing: an action that
//! does not fit what is there is a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plugdock_contracts::backend::RecycleReason;

use super::super::action::{Action, Note, WhyNot};
use super::super::member::WorkerKey;
use super::setup::LaneSetup;
use crate::pool::lifecycle::Check;
use crate::pool::queue::{LaneKey, Ticket};

/// What should not have happened, for people.
pub(super) type Fault = String;

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Waiting,
    Running { worker: WorkerKey, begun: Instant },
}

/// A request that was taken in and is not over.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) lane: LaneKey,
    pub(super) plugin: u8,
    /// None with 0.
    pub(super) tenant: u8,
    pub(super) priority: u8,
    pub(super) concurrent: bool,
    pub(super) nested: bool,
    pub(super) bytes: u16,
    pub(super) since: Instant,
    pub(super) patience: Option<Duration>,
    pub(super) deadline: Option<Instant>,
    pub(super) at: At,
    /// It came back from a worker that died, or from a lane that was closed.
    pub(super) came_back: bool,
}

/// A worker's process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) lane: LaneKey,
    /// It says that the handler `shared` may run beside other calls.
    pub(super) concurrent: bool,
    pub(super) is_ready: bool,
    pub(super) told: Told,
    /// A call said that it is dead or being killed.
    pub(super) is_dying: bool,
}

/// What a worker was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// To go when it has no call.
    ToGo,
    /// It is being killed.
    ToDie,
}

impl Process {
    /// Whether its end is to come.
    pub(super) fn is_going(&self) -> bool {
        self.told != Told::Nothing || self.is_dying
    }
}

/// A lane as whoever prepares requests knows it.
#[derive(Debug, Clone)]
pub(super) struct KnownLane {
    pub(super) setup: LaneSetup,
    /// None when it was forgotten, or never asked for.
    pub(super) key: Option<LaneKey>,
}

/// What became of requests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) admitted: usize,
    pub(super) done: usize,
    pub(super) refused: usize,
    pub(super) cancelled: usize,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) begin: Instant,
    pub(super) now: Instant,
    pub(super) requests: BTreeMap<Ticket, Request>,
    pub(super) processes: BTreeMap<WorkerKey, Process>,
    pub(super) checks: Vec<(WorkerKey, Check)>,
    pub(super) lanes: Vec<KnownLane>,
    /// Lanes that were made and not forgotten.
    pub(super) made: BTreeMap<LaneKey, LaneSetup>,
    /// Those of them whose program was replaced.
    pub(super) closed: BTreeSet<LaneKey>,
    pub(super) count: Count,
    /// Requests that are to be prepared again.
    pub(super) stale: Vec<(Ticket, Request)>,
    pub(super) tenant_capped: bool,
    /// Lanes of which a worker went for having nothing to do, in this step.
    pub(super) shrunk: Vec<LaneKey>,
    /// Processes that are gone, as the events about them may come late.
    gone: BTreeSet<WorkerKey>,
}

impl Outside {
    pub(super) fn new(now: Instant, lanes: &[LaneSetup], tenant_capped: bool) -> Self {
        Self {
            begin: now,
            now,
            requests: BTreeMap::new(),
            processes: BTreeMap::new(),
            checks: Vec::new(),
            lanes: lanes.iter().map(|setup| KnownLane { setup: *setup, key: None }).collect(),
            made: BTreeMap::new(),
            closed: BTreeSet::new(),
            count: Count::default(),
            stale: Vec::new(),
            tenant_capped,
            shrunk: Vec::new(),
            gone: BTreeSet::new(),
        }
    }

    /// Takes an action at its word, if it can be meant.
    pub(super) fn heed(&mut self, action: Action) -> Result<(), Fault> {
        match action {
            Action::Start { worker, lane } => self.start(worker, lane),
            Action::Grant { ticket, worker } => self.grant(ticket, worker),
            Action::Refuse { ticket, why } => self.refuse(ticket, &why),
            Action::Retire { worker } => self.retire(worker),
            Action::Kill { worker, .. } => {
                self.alive(worker, "killed")?.told = Told::ToDie;
                Ok(())
            }
            Action::Check { worker, check } => {
                if !self.alive(worker, "checked")?.is_ready {
                    return Err(format!("{worker:?} is checked before it is ready"));
                }
                if self.checks.iter().any(|(asked, _)| *asked == worker) {
                    return Err(format!("{worker:?} is checked twice at a time"));
                }
                self.checks.push((worker, check));
                Ok(())
            }
            Action::Forget { lane } => self.forget(lane),
            Action::Tell(Note::Recycled { worker, .. } | Note::HealthFailed { worker, .. })
                if !self.processes.contains_key(&worker) && !self.gone.contains(&worker) =>
            {
                Err(format!("{worker:?} is told of and was never started"))
            }
            Action::Tell(Note::Recycled { worker, why: RecycleReason::Idle }) => {
                self.shrunk.extend(self.processes.get(&worker).map(|process| process.lane));
                Ok(())
            }
            Action::Tell(_) => Ok(()),
        }
    }

    /// A process is gone. Its calls are still to be ended.
    pub(super) fn bury(&mut self, worker: WorkerKey) {
        self.processes.remove(&worker);
        self.gone.insert(worker);
    }

    pub(super) fn running_on(&self, worker: WorkerKey) -> impl Iterator<Item = (Ticket, &Request)> {
        let is_on = move |at: At| matches!(at, At::Running { worker: on, .. } if on == worker);
        self.requests
            .iter()
            .filter(move |(_, request)| is_on(request.at))
            .map(|(ticket, request)| (*ticket, request))
    }

    /// The workers that something can be done with, in a fixed order.
    pub(super) fn workers(&self, which: impl Fn(&Process) -> bool) -> Vec<WorkerKey> {
        self.processes.iter().filter(|(_, process)| which(process)).map(|(worker, _)| *worker).collect()
    }

    fn alive(&mut self, worker: WorkerKey, what: &str) -> Result<&mut Process, Fault> {
        self.processes.get_mut(&worker).ok_or_else(|| format!("{worker:?} is {what} and does not live"))
    }

    fn start(&mut self, worker: WorkerKey, lane: LaneKey) -> Result<(), Fault> {
        if self.processes.contains_key(&worker) || self.gone.contains(&worker) {
            return Err(format!("{worker:?} is started twice"));
        }
        let Some(setup) = self.made.get(&lane).filter(|_| !self.closed.contains(&lane)) else {
            return Err(format!("{worker:?} is started in {lane:?}, which is closed or forgotten"));
        };
        let process = Process {
            lane,
            concurrent: setup.concurrent,
            is_ready: false,
            told: Told::Nothing,
            is_dying: false,
        };
        self.processes.insert(worker, process);
        Ok(())
    }

    fn grant(&mut self, ticket: Ticket, worker: WorkerKey) -> Result<(), Fault> {
        let Some(request) = self.requests.get(&ticket).cloned() else {
            return Err(format!("{ticket:?} is granted and is over, or was never taken in"));
        };
        if request.at != At::Waiting {
            return Err(format!("{ticket:?} is granted twice"));
        }
        let lane = request.lane;
        let process = self.alive(worker, "granted")?;
        if !process.is_ready || process.is_going() || process.lane != lane {
            return Err(format!("{ticket:?} of {lane:?} is granted {worker:?}: {process:?}"));
        }
        if let Some(older) = self.overtaken(ticket, &request) {
            return Err(format!("{ticket:?} overtakes {older:?}"));
        }
        if let Some(request) = self.requests.get_mut(&ticket) {
            request.at = At::Running { worker, begun: self.now };
        }
        Ok(())
    }

    /// Who waits in the same lane, with the same priority, no shorter, and should have been first. A cap of tenants lets
    /// those of another tenant pass.
    fn overtaken(&self, ticket: Ticket, granted: &Request) -> Option<Ticket> {
        let is_before = |request: &Request| {
            request.at == At::Waiting
                && !request.nested
                && request.lane == granted.lane
                && request.priority == granted.priority
                && request.since <= granted.since
                && (request.tenant == granted.tenant || !self.tenant_capped)
        };
        let mut older = self.requests.range(..ticket).filter(|_| !granted.nested);
        older.find(|(_, request)| is_before(request)).map(|(older, _)| *older)
    }

    fn refuse(&mut self, ticket: Ticket, why: &WhyNot) -> Result<(), Fault> {
        let Some(request) = self.requests.remove(&ticket) else {
            return Err(format!("{ticket:?} is refused ({why:?}) and is over, or was never taken in"));
        };
        if request.at != At::Waiting {
            return Err(format!("{ticket:?} is refused ({why:?}) while it runs"));
        }
        match why {
            WhyNot::Waited(_) if request.deadline.is_none_or(|deadline| self.now < deadline) => {
                return Err(format!("{ticket:?} is told that it waited too long, before its deadline"));
            }
            WhyNot::StartFailed(worker) if !self.gone.contains(worker) => {
                return Err(format!("{ticket:?} is told that {worker:?} did not start, which lives"));
            }
            WhyNot::Stale => self.stale.push((ticket, request)),
            _ => {}
        }
        self.count.refused += 1;
        Ok(())
    }

    fn retire(&mut self, worker: WorkerKey) -> Result<(), Fault> {
        if let Some((ticket, _)) = self.running_on(worker).next() {
            return Err(format!("{worker:?} is sent away while {ticket:?} runs on it"));
        }
        let process = self.alive(worker, "sent away")?;
        match process.told {
            Told::ToGo => Err(format!("{worker:?} is sent away twice")),
            Told::Nothing => {
                process.told = Told::ToGo;
                Ok(())
            }
            Told::ToDie => Ok(()),
        }
    }

    fn forget(&mut self, lane: LaneKey) -> Result<(), Fault> {
        let has_process = self.processes.values().any(|process| process.lane == lane);
        if has_process || self.requests.values().any(|request| request.lane == lane) {
            return Err(format!("{lane:?} is forgotten while it is in use"));
        }
        self.closed.remove(&lane);
        if let Some(known) = self.lanes.iter_mut().find(|known| known.key == Some(lane)) {
            known.key = None;
        }
        self.made.remove(&lane).map(|_| ()).ok_or_else(|| format!("{lane:?} is forgotten twice"))
    }
}
