//! Process 1 of a worker's namespace: starts the worker, reaps everything, and ends everything with the worker.
//! It is trusted code with nothing to read but signals; what the worker's set-up is comes from the caller.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::link::poll_timeout;
use super::step::{NamespaceFault, NamespaceStep, at};
use super::sys;
use super::worker_end::{EndStatus, EndUsage, WorkerEnd};

/// How long killed processes may take before the end is reported with some left.
const DEATH_WITHIN: Duration = Duration::from_secs(2);

/// Exit code of an init or a worker that failed by itself. The report, or its absence, says the rest.
pub(super) const SETUP_FAILED: i32 = 125;

/// Every process but the caller, where the caller is process 1.
const EVERYONE: Pid = Pid::from_raw(-1);

/// What init is told.
#[derive(Debug)]
pub(crate) struct InitOptions {
    /// Where the [`WorkerEnd`] goes, as one line of JSON.
    pub(crate) report: OwnedFd,
    /// After this time everything is killed, whether the host is there to ask for it or not.
    pub(crate) kill_after: Option<Duration>,
}

/// Forks the worker and stays with it until its end; then ends every process of the namespace, reports, and ends.
///
/// `worker` runs in the forked process, with the signal mask that the caller has now; what it returns is its exit code.
/// `SIGTERM` is passed on to the worker, every other signal but `SIGKILL` and `SIGSTOP` waits for ever. Init closes all
/// descriptors but its own two, so descriptors that the host is to get are sent before.
/// The worker inherits all that is open now and closes it: an open directory of the host leads out of the root.
///
/// # Errors
/// When the worker could not be forked; once it is, this does not return.
pub(crate) fn supervise(
    options: InitOptions,
    worker: impl FnOnce() -> i32,
) -> Result<Infallible, NamespaceFault> {
    let mut former = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut former))
        .map_err(at(NamespaceStep::Signals))?;
    let mut heard = SigSet::empty();
    heard.add(Signal::SIGCHLD);
    heard.add(Signal::SIGTERM);
    let signals = SignalFd::with_flags(&heard, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(at(NamespaceStep::Signals))?;
    let Some(pid) = sys::fork().map_err(at(NamespaceStep::Fork))? else {
        drop(signals);
        drop(options.report);
        if sigprocmask(SigmaskHow::SIG_SETMASK, Some(&former), None).is_err() {
            sys::exit_now(SETUP_FAILED);
        }
        // A panic must not unwind into frames that belong to the process this is a copy of.
        sys::exit_now(catch_unwind(AssertUnwindSafe(worker)).unwrap_or(SETUP_FAILED));
    };
    // Leaving a worker behind is impossible: with process 1 it is killed.
    if sys::close_all_but(&[options.report.as_fd(), signals.as_fd()]).is_err() {
        sys::exit_now(SETUP_FAILED);
    }
    let mut init = Init { worker: pid, signals, ended: None, n_left: 0 };
    let end = init.run(options.kill_after.map(|time| Instant::now() + time));
    let told = end.is_ok_and(|end| tell(options.report, &end));
    sys::exit_now(if told { 0 } else { SETUP_FAILED })
}

fn tell(report: OwnedFd, end: &WorkerEnd) -> bool {
    serde_json::to_vec(end).is_ok_and(|mut line| {
        line.push(b'\n');
        File::from(report).write_all(&line).is_ok()
    })
}

/// Whether children are left after reaping those that had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Some,
    None,
}

struct Init {
    worker: Pid,
    signals: SignalFd,
    ended: Option<(EndStatus, EndUsage)>,
    n_left: u32,
}

impl Init {
    fn run(&mut self, deadline: Option<Instant>) -> Result<WorkerEnd, Errno> {
        let mut timed_out = false;
        let (status, usage) = loop {
            self.reap()?;
            if let Some(ended) = self.ended {
                break ended;
            }
            if !timed_out && deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                timed_out = true;
                kill_everyone()?;
            }
            self.wait(deadline.filter(|_| !timed_out))?;
            if self.was_asked_to_end()? {
                // The worker is unreaped as long as this loop runs, so the number is its own.
                kill(self.worker, Signal::SIGTERM)?;
            }
        };
        let is_empty = self.end_everyone()?;
        let tree = EndUsage::of(&sys::usage_of_children()?);
        Ok(WorkerEnd { status, timed_out, usage, tree, n_left: self.n_left, is_empty })
    }

    /// Ends what the worker left, and says whether all of it is gone.
    fn end_everyone(&mut self) -> Result<bool, Errno> {
        let deadline = Instant::now() + DEATH_WITHIN;
        kill_everyone()?;
        while self.reap()? == Family::Some {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            self.wait(Some(deadline))?;
            self.was_asked_to_end()?;
        }
        Ok(true)
    }

    /// Reaps all that have ended, orphans too.
    fn reap(&mut self) -> Result<Family, Errno> {
        loop {
            match sys::reap_any() {
                Ok(None) => return Ok(Family::Some),
                Err(Errno::ECHILD) => return Ok(Family::None),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
                Ok(Some((status, usage))) if status.pid() == Some(self.worker) => {
                    self.ended = EndStatus::of(status).map(|status| (status, EndUsage::of(&usage)));
                }
                // An orphan that ended by itself just before may be reaped after the worker; it was not left.
                Ok(Some((WaitStatus::Signaled(_, Signal::SIGKILL, _), _))) if self.ended.is_some() => {
                    self.n_left += 1;
                }
                Ok(Some(_)) => {}
            }
        }
    }

    fn wait(&self, deadline: Option<Instant>) -> Result<(), Errno> {
        let timeout = deadline
            .map_or(PollTimeout::NONE, |at| poll_timeout(at.saturating_duration_since(Instant::now())));
        match poll(&mut [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Takes all signals that came, and says whether one was `SIGTERM`.
    fn was_asked_to_end(&self) -> Result<bool, Errno> {
        let mut asked = false;
        loop {
            match self.signals.read_signal() {
                Ok(Some(signal)) => asked |= signal.ssi_signo == Signal::SIGTERM as u32,
                Ok(None) => return Ok(asked),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// Kills every process of the namespace but this one. A fork cannot slip through: the kernel refuses it to a process
/// that is being killed.
fn kill_everyone() -> Result<(), Errno> {
    match kill(EVERYONE, Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno),
    }
}
