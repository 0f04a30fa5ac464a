//! The spawner's loop: one thread that waits for the host, for its children and for set-up reports.
//! Nothing here blocks on a worker: every wait is in one poll, with a deadline where one is due.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus as ChildState, waitid};
use nix::unistd::{Pid, getpid, pipe2};

use super::super::control::{self, Received};
use super::super::failure::{SpawnFailure, SpawnStep};
use super::super::message::{Event, MAX_MESSAGE, PROTOCOL, Request, SPAWN_DESCRIPTORS, SpawnRequest};
use super::super::sys;
use super::control_group::{ControlGroup, GroupMaker};
use super::family::{Census, DEATH_WITHIN, Strays};
use super::setup::{Prepared, Streams, become_worker};
use super::worker::{Setup, Told, Worker};

/// How often killed processes are looked at while they take their time; a death wakes the loop as well.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The state of a spawner.
#[derive(Debug)]
pub(super) struct Server {
    control: OwnedFd,
    signals: SignalFd,
    null: OwnedFd,
    workers: HashMap<u64, Worker>,
    strays: Strays,
    groups: GroupMaker,
    /// Since when it only kills and reaps; the host is gone or asked for it.
    stopping: Option<Instant>,
    buffer: Vec<u8>,
}

/// What a poll found.
struct Ready {
    control: bool,
    signals: bool,
}

impl Server {
    pub(super) fn new(control: OwnedFd, signals: SignalFd, null: OwnedFd) -> Self {
        Self {
            control,
            signals,
            null,
            workers: HashMap::new(),
            strays: Strays::default(),
            groups: GroupMaker::default(),
            stopping: None,
            buffer: vec![0; MAX_MESSAGE],
        }
    }

    /// Serves until the host is gone or asks to stop, then ends every worker.
    pub(super) fn run(mut self) -> io::Result<()> {
        self.send(&Event::Hello { protocol: PROTOCOL, pid: getpid().as_raw() }, None);
        loop {
            let ready = self.wait(Instant::now())?;
            if ready.control && self.stopping.is_none() {
                self.serve_host();
            }
            if ready.signals {
                self.drain_signals()?;
            }
            self.read_setups();
            let now = Instant::now();
            self.expire_setups(now);
            self.note_deaths(now);
            let dying = self.finish_dead(now)?;
            if let Some(since) = self.stopping
                && (self.workers.is_empty() && !dying || now.duration_since(since) > 2 * DEATH_WITHIN)
            {
                return Ok(());
            }
        }
    }

    fn wait(&self, now: Instant) -> io::Result<Ready> {
        let control = if self.stopping.is_some() { PollFlags::empty() } else { PollFlags::POLLIN };
        let mut waits = vec![
            PollFd::new(self.control.as_fd(), control),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        let pipes = self.workers.values().filter_map(|worker| worker.setup.as_ref());
        waits.extend(pipes.map(|setup| PollFd::new(setup.pipe.as_fd(), PollFlags::POLLIN)));
        // While stopping, the closed socket would answer at once, every time.
        let waits = if self.stopping.is_some() { &mut waits[1..] } else { &mut waits[..] };
        match poll(waits, self.timeout(now)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let any = |wait: &PollFd<'_>| wait.any().unwrap_or(true);
        Ok(if self.stopping.is_some() {
            Ready { control: false, signals: any(&waits[0]) }
        } else {
            Ready { control: any(&waits[0]), signals: any(&waits[1]) }
        })
    }

    fn timeout(&self, now: Instant) -> PollTimeout {
        if self.stopping.is_some() || self.workers.values().any(|worker| worker.dead_since.is_some()) {
            return poll_timeout(LOOK_AGAIN);
        }
        let deadlines = self.workers.values().filter_map(|worker| worker.setup.as_ref().map(|s| s.deadline));
        deadlines.min().map_or(PollTimeout::NONE, |next| poll_timeout(next.saturating_duration_since(now)))
    }

    fn serve_host(&mut self) {
        match control::receive(self.control.as_fd(), &mut self.buffer) {
            Ok(Received::Message(Request::Spawn(request), descriptors)) => {
                let id = request.id;
                if let Err(failure) = self.spawn(*request, descriptors) {
                    self.send(&Event::SpawnFailed { id, failure }, None);
                }
            }
            Ok(Received::Message(Request::Signal { id, signal }, _)) => self.signal(id, signal),
            Ok(Received::Message(Request::Kill { id }, _)) => self.kill(id),
            // A host that cannot be understood cannot be served: the end is the same as of its death.
            Ok(Received::Message(Request::Shutdown, _) | Received::Closed) | Err(_) => self.stop(),
        }
    }

    fn spawn(&mut self, request: SpawnRequest, descriptors: Vec<OwnedFd>) -> Result<(), SpawnFailure> {
        let id = request.id;
        let deadline = Instant::now() + request.setup_within;
        let Ok([channel, output, errors]) = <[OwnedFd; SPAWN_DESCRIPTORS]>::try_from(descriptors) else {
            return Err(SpawnFailure::new(SpawnStep::Descriptors, "not all of the descriptors arrived"));
        };
        if self.workers.contains_key(&id) {
            return Err(SpawnFailure::new(SpawnStep::Request, "the worker's number is in use"));
        }
        let prepared = Prepared::new(request)?;
        let at = |step| move |errno| SpawnFailure::errno(step, errno);
        let (pipe, report) =
            pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(at(SpawnStep::Descriptors))?;
        let streams = Streams {
            input: &self.null,
            output: &output,
            errors: &errors,
            channel: &channel,
            report: &report,
        };
        let group = self.groups.make(&prepared.plan)?;
        let spawner = getpid();
        let Some(pid) = sys::fork().map_err(at(SpawnStep::Fork))? else {
            become_worker(&prepared, group.as_ref(), &streams, spawner)
        };
        let setup = Some(Setup::new(pipe, deadline));
        let mut worker =
            Worker { pid, group, process: None, setup, failure: None, reported: false, dead_since: None };
        match sys::pidfd_open(pid) {
            Ok(process) => worker.process = Some(process),
            Err(errno) => worker.fail(SpawnFailure::errno(SpawnStep::ProcessDescriptor, errno)),
        }
        self.workers.insert(id, worker);
        Ok(())
    }

    fn signal(&self, id: u64, signal: i32) {
        if let (Some(worker), Ok(signal)) = (self.workers.get(&id), Signal::try_from(signal)) {
            // The leader is unreaped as long as it is in the table, so the group is its own.
            let _ = killpg(worker.pid, signal);
        }
    }

    fn kill(&mut self, id: u64) {
        if let Some(worker) = self.workers.get_mut(&id) {
            if worker.setup.take().is_some() {
                worker.failure = Some(SpawnFailure::new(SpawnStep::Cancelled, String::new()));
            }
            worker.kill();
        }
    }

    fn stop(&mut self) {
        self.stopping.get_or_insert_with(Instant::now);
        for worker in self.workers.values_mut() {
            worker.kill();
        }
    }

    fn drain_signals(&self) -> io::Result<()> {
        loop {
            match self.signals.read_signal() {
                Ok(Some(_)) | Err(Errno::EINTR) => {}
                Ok(None) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    fn read_setups(&mut self) {
        let told: Vec<_> = self
            .workers
            .iter_mut()
            .filter_map(|(id, worker)| Some((*id, worker.setup.as_mut()?.read())))
            .collect();
        for (id, told) in told {
            let Some(worker) = self.workers.get_mut(&id) else { continue };
            match told {
                Told::More => {}
                Told::Failed(failure) => worker.fail(failure),
                Told::Running(receipt) => {
                    worker.setup = None;
                    let process = worker.process.take();
                    let event = Event::Spawned { id, pid: worker.pid.as_raw(), receipt };
                    self.send(&event, process.as_ref().map(AsFd::as_fd));
                }
            }
        }
    }

    /// Ends set-ups that take too long. The host is told at once: a child that hangs in the kernel may not die soon.
    fn expire_setups(&mut self, now: Instant) {
        let late = |worker: &Worker| worker.setup.as_ref().is_some_and(|setup| setup.deadline <= now);
        let expired: Vec<u64> =
            self.workers.iter().filter(|(_, worker)| late(worker)).map(|(id, _)| *id).collect();
        for id in expired {
            let failure = SpawnFailure::new(SpawnStep::Deadline, String::new());
            if let Some(worker) = self.workers.get_mut(&id) {
                worker.fail(failure.clone());
                worker.reported = true;
            }
            self.send(&Event::SpawnFailed { id, failure }, None);
        }
    }

    /// Finds the workers that have ended, without reaping them: an unreaped leader keeps its group's number.
    fn note_deaths(&mut self, now: Instant) {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        for worker in self.workers.values_mut().filter(|worker| worker.dead_since.is_none()) {
            if !matches!(waitid(Id::Pid(worker.pid), look), Ok(ChildState::StillAlive)) {
                worker.dead_since = Some(now);
                worker.kill();
            }
        }
    }

    /// Ends what the dead have left, and reports those of whom nothing is left. Says whether anything without an
    /// owner is still dying.
    fn finish_dead(&mut self, now: Instant) -> io::Result<bool> {
        let leaders: HashMap<Pid, bool> =
            self.workers.values().map(|worker| (worker.pid, worker.dead_since.is_none())).collect();
        let someone_ended = self.stopping.is_some() || leaders.values().any(|alive| !alive);
        let census = self.strays.look(&leaders, someone_ended, now)?;
        let finished: Vec<u64> = self
            .workers
            .iter_mut()
            // An unread report would be lost; its pipe is at its end, so the next turn reads it.
            .filter(|(_, worker)| worker.setup.is_none())
            .filter_map(|(id, worker)| is_finished(worker, &census, now).then_some(*id))
            .collect();
        for id in finished {
            if let Some(worker) = self.workers.remove(&id) {
                let in_group = worker.group.as_ref().map_or(0, ControlGroup::n_members);
                let survivors = census.survivors(worker.pid).max(in_group);
                self.finish(id, worker, survivors)?;
            }
        }
        Ok(census.has_strays())
    }

    fn finish(&mut self, id: u64, worker: Worker, survivors: u32) -> io::Result<()> {
        let reaped = sys::reap(worker.pid)?;
        if worker.reported {
            return Ok(());
        }
        let event = match (worker.failure, reaped) {
            (Some(failure), _) => Event::SpawnFailed { id, failure },
            (None, Some((status, usage))) => {
                let group = worker.group.as_ref().and_then(ControlGroup::used);
                Event::Exited { id, status, usage, group, survivors }
            }
            (None, None) => return Err(io::Error::other("a worker that had ended is alive")),
        };
        self.send(&event, None);
        Ok(())
    }

    /// Tells the host. A host that cannot be told is gone, and then the rest is to stop.
    fn send(&mut self, event: &Event, descriptor: Option<BorrowedFd<'_>>) {
        let sent = control::encode(event)
            .is_ok_and(|packet| control::send(self.control.as_fd(), &packet, descriptor.as_slice()).is_ok());
        if !sent {
            self.stop();
        }
    }
}

/// Whether nothing of a dead worker is left, or it had the time to go. Its control group is tried every time: one that is
/// not removed in the end is left to the sweep of the next spawner.
fn is_finished(worker: &mut Worker, census: &Census, now: Instant) -> bool {
    let Some(since) = worker.dead_since else { return false };
    let is_gone = worker.is_group_gone() && census.is_clear(worker.pid);
    is_gone || now.duration_since(since) > DEATH_WITHIN
}

/// Rounds up, so that a deadline has passed when the poll returns; a poll takes at most 65 s at a time here.
fn poll_timeout(wait: Duration) -> PollTimeout {
    PollTimeout::from(u16::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u16::MAX))
}
