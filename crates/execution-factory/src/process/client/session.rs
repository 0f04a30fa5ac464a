//! The conversation with one spawner: requests go out from any task, one reader hands out what comes back.
//! A session lives as long as its spawner; `spawner_client` makes the next one.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{Shutdown, shutdown};
use nix::unistd::Pid;
use plugdock_sandbox::Receipt;
use plugdock_sandbox::group::GroupUsage;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::super::control::{self, Received};
use super::super::exit::{ExitCause, ExitReport, ProcessUsage};
use super::super::failure::SpawnFailure;
use super::super::message::{Event, MAX_MESSAGE, Request, WaitStatus};
use super::super::sys;
use super::launch::SpawnerProcess;
use super::worker::{WorkerControl, WorkerSignal};

/// How long a worker whose spawner was lost may take to die; it is killed twice, by the kernel and by us.
const ORPHAN_DEATH_WITHIN: Duration = Duration::from_secs(2);

/// How often an outstanding confirmation is looked at, as a part of the time allowed for it. Nothing is looked at while
/// none is outstanding.
const LOOKS: u32 = 8;

/// A process that can be reached without its number being mistaken.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) pid: i32,
    descriptor: OwnedFd,
}

impl Leader {
    /// Signals the whole group. It does not need the spawner.
    fn signal_group(&self, signal: i32) {
        match sys::pidfd_signal_group(self.descriptor.as_fd(), Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::error!(%error, signal, pid = self.pid, "a worker could not be signalled"),
        }
    }

    /// Waits for its death, within a bound.
    async fn dies(&self) -> bool {
        match self.descriptor.try_clone().and_then(|process| sys::watch(process, Interest::READABLE)) {
            Ok(process) => timeout(ORPHAN_DEATH_WITHIN, process.readable()).await.is_ok(),
            // Without a way to wait it is only known that it was killed.
            Err(_) => true,
        }
    }
}

/// The answer to a spawn request.
#[derive(Debug)]
pub(super) enum Answer {
    Started(Box<Started>),
    Failed(Box<SpawnFailure>),
    Lost,
}

/// A worker that runs.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) receipt: Receipt,
    pub(super) leader: Arc<Leader>,
}

#[derive(Debug)]
pub(super) struct Session {
    control: AsyncFd<OwnedFd>,
    spawner: OwnedFd,
    /// How long the spawner may take to confirm what it was asked.
    confirm_within: Duration,
    state: Mutex<State>,
    /// Something was asked that the spawner has to confirm in time.
    asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    lost: bool,
    closing_since: Option<Instant>,
    next_id: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    answer: Option<oneshot::Sender<Answer>>,
    exit: watch::Sender<Option<ExitReport>>,
    leader: Option<Arc<Leader>>,
    kill_requested: Option<Instant>,
}

/// A request that was registered and not yet answered. Dropped, it takes the request back.
#[derive(Debug)]
pub(super) struct Pending {
    session: Arc<Session>,
    pub(super) id: u64,
    pub(super) answer: oneshot::Receiver<Answer>,
    pub(super) exit: watch::Receiver<Option<ExitReport>>,
    armed: bool,
}

impl Pending {
    /// The worker has an owner now, who ends it.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.armed {
            self.session.abandon(self.id);
        }
    }
}

impl Session {
    pub(super) fn new(control: AsyncFd<OwnedFd>, spawner: OwnedFd, confirm_within: Duration) -> Arc<Self> {
        Arc::new(Self { control, spawner, confirm_within, state: Mutex::default(), asked: Notify::new() })
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state().lost
    }

    /// Registers a request, so that its answer finds a receiver.
    pub(super) fn register(self: &Arc<Self>) -> Pending {
        let (answer, answered) = oneshot::channel();
        let (exit, exited) = watch::channel(None);
        let mut state = self.state();
        state.next_id += 1;
        let id = state.next_id;
        if state.lost {
            // Nobody reads any more; the receiver is told by the dropped sender.
            drop(answer);
        } else {
            let entry = Entry { answer: Some(answer), exit, leader: None, kill_requested: None };
            state.entries.insert(id, entry);
        }
        drop(state);
        Pending { session: Arc::clone(self), id, answer: answered, exit: exited, armed: true }
    }

    /// Sends a packet, waiting while the spawner is slow to read.
    pub(super) async fn send(&self, packet: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.control
            .async_io(Interest::WRITABLE, |socket| Ok(control::send(socket.as_fd(), packet, descriptors)?))
            .await
    }

    /// Sends a short message if that is possible at once.
    fn try_send(&self, request: &Request) -> bool {
        control::encode(request)
            .is_ok_and(|packet| control::send(self.control.get_ref().as_fd(), &packet, &[]).is_ok())
    }

    /// Tells the spawner that no more will come; it ends its workers, reports them and ends.
    pub(super) fn close(&self) {
        self.state().closing_since.get_or_insert_with(Instant::now);
        self.asked.notify_one();
        if !self.try_send(&Request::Shutdown) {
            // The queue is full or the spawner gone: the end of the stream says the same.
            let _ = shutdown(self.control.get_ref().as_raw_fd(), Shutdown::Write);
        }
    }

    /// Ends the spawner by force; its workers die with it, and the reader tells everyone.
    pub(super) fn kill_spawner(&self) {
        // The only refusal is that it has ended.
        let _ = sys::pidfd_signal(self.spawner.as_fd(), libc::SIGKILL);
    }

    /// Reads until the spawner ends; then ends what it has left, and reaps it.
    pub(super) async fn serve(self: Arc<Self>, process: SpawnerProcess) {
        tokio::select! {
            // The spawner has closed its end, or says what cannot be understood.
            () = self.read() => {}
            // It is stopped or stuck: nothing it was asked for can be relied on.
            () = self.stuck() => {
                tracing::error!("the spawner does not answer and is killed");
                self.kill_spawner();
            }
        }
        self.lose().await;
        match process.reap_in_time().await {
            Ok(status) if status.success() => {}
            Ok(status) => tracing::warn!(%status, "the spawner ended"),
            Err(error) => tracing::error!(%error, "the spawner could not be reaped"),
        }
    }

    /// Returns when the spawner owes a confirmation for too long.
    async fn stuck(&self) {
        loop {
            self.asked.notified().await;
            while let Some(since) = self.oldest_request() {
                if since.elapsed() > self.confirm_within {
                    return;
                }
                sleep(self.confirm_within / LOOKS).await;
            }
        }
    }

    fn oldest_request(&self) -> Option<Instant> {
        let state = self.state();
        state.entries.values().filter_map(|entry| entry.kill_requested).chain(state.closing_since).min()
    }

    async fn read(&self) {
        let mut buffer = vec![0; MAX_MESSAGE];
        loop {
            let received = self
                .control
                .async_io(Interest::READABLE, |socket| control::receive::<Event>(socket.as_fd(), &mut buffer))
                .await;
            match received {
                Ok(Received::Message(event, descriptors)) => self.handle(event, descriptors),
                Ok(Received::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the spawner could not be understood and is killed");
                    return self.kill_spawner();
                }
            }
        }
    }

    fn handle(&self, event: Event, descriptors: Vec<OwnedFd>) {
        match event {
            Event::Hello { .. } => tracing::warn!("the spawner said hello twice"),
            Event::Spawned { id, pid, receipt } => self.started(id, pid, *receipt, descriptors),
            Event::SpawnFailed { id, failure } => {
                if let Some(answer) = self.state().entries.remove(&id).and_then(|entry| entry.answer) {
                    // Whoever asked may have given up.
                    drop(answer.send(Answer::Failed(Box::new(failure))));
                }
            }
            Event::Exited { id, status, usage, group, survivors } => {
                self.exited(id, status, usage, group, survivors);
            }
        }
    }

    fn started(&self, id: u64, pid: i32, receipt: Receipt, descriptors: Vec<OwnedFd>) {
        let Some(descriptor) = descriptors.into_iter().next() else {
            // This host has no descriptor left, so it could not end the worker reliably.
            tracing::error!(pid, "a worker came without its process descriptor and is killed");
            return self.abandon(id);
        };
        let leader = Arc::new(Leader { pid, descriptor });
        let answer = {
            let mut state = self.state();
            let Some(entry) = state.entries.get_mut(&id) else {
                drop(state);
                return self.abandon(id);
            };
            entry.leader = Some(Arc::clone(&leader));
            entry.answer.take()
        };
        let started = Answer::Started(Box::new(Started { receipt, leader }));
        if answer.is_none_or(|answer| answer.send(started).is_err()) {
            self.abandon(id);
        }
    }

    fn exited(
        &self,
        id: u64,
        status: WaitStatus,
        usage: ProcessUsage,
        group: Option<GroupUsage>,
        survivors: u32,
    ) {
        let Some(entry) = self.state().entries.remove(&id) else { return };
        let cause = match status {
            WaitStatus::Code(code) => ExitCause::Code(code),
            WaitStatus::Signal { signal, core } => ExitCause::Signal { signal, core_dumped: core },
        };
        if survivors > 0 {
            tracing::error!(survivors, "processes of a worker resist being killed");
        }
        let kill_requested = entry.kill_requested.is_some();
        let usage = Some(usage);
        entry.exit.send_replace(Some(ExitReport { cause, usage, group, survivors, kill_requested }));
    }

    /// Gives up a worker nobody owns.
    fn abandon(&self, id: u64) {
        let entry = self.state().entries.remove(&id);
        if !self.try_send(&Request::Kill { id })
            && let Some(leader) = entry.and_then(|entry| entry.leader)
        {
            leader.signal_group(libc::SIGKILL);
        }
    }

    /// The spawner is gone: everyone who waits is told, workers after they are dead.
    async fn lose(&self) {
        let entries = {
            let mut state = self.state();
            state.lost = true;
            std::mem::take(&mut state.entries)
        };
        let mut left = Vec::new();
        for mut entry in entries.into_values() {
            if let Some(answer) = entry.answer.take() {
                drop(answer.send(Answer::Lost));
            }
            if let Some(leader) = entry.leader.take() {
                // The kernel kills the worker on the spawner's death, unless it undid that, but not its children.
                leader.signal_group(libc::SIGKILL);
                left.push((entry, leader));
            }
        }
        for (entry, leader) in left {
            let survivors = u32::from(!leader.dies().await);
            let kill_requested = entry.kill_requested.is_some();
            let cause = ExitCause::SpawnerLost;
            let lost = ExitReport { survivors, kill_requested, ..ExitReport::new(cause, None) };
            entry.exit.send_replace(Some(lost));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and the state is consistent after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the owner of a worker reaches it.
#[derive(Debug)]
pub(super) struct SessionWorker {
    pub(super) session: Arc<Session>,
    pub(super) id: u64,
    pub(super) leader: Arc<Leader>,
}

impl WorkerControl for SessionWorker {
    fn signal(&self, signal: WorkerSignal) {
        let signal = match signal {
            WorkerSignal::Soft => libc::SIGTERM,
        };
        if !self.session.try_send(&Request::Signal { id: self.id, signal }) {
            self.leader.signal_group(signal);
        }
    }

    fn kill(&self) {
        if let Some(entry) = self.session.state().entries.get_mut(&self.id) {
            entry.kill_requested.get_or_insert_with(Instant::now);
        }
        self.session.asked.notify_one();
        self.session.try_send(&Request::Kill { id: self.id });
        // Also directly, in case that the spawner is stuck; it ends what is outside of the group.
        self.leader.signal_group(libc::SIGKILL);
    }
}
