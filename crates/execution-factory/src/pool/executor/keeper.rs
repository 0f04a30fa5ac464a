//! Stays with one worker to its end: waits for it, ends it when it is overdue or cut off, and clears up behind it.
//! It runs no calls; they hear of the end from it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use plugdock_contracts::error::{CrashCause, ErrorChain, KillReason};
use plugdock_contracts::workspace::WorkspaceLease;
use plugdock_ipc::LinkError;
use plugdock_ipc::frame::GoodbyeKind;
use plugdock_ipc::link::host::HostEnd;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::WorkerEnd;
use crate::process::{ExitCause, ExitReport, WorkerProcess};
use crate::worker::{Death, EXIT_WITHIN, LAST_FRAMES, OutputPump, crash_cause};

/// A worker as its calls and its keeper share it.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) process: Arc<WorkerProcess>,
    pub(super) end: HostEnd,
    /// Why it was killed, if it was; the first reason stands.
    killed: OnceLock<KilledFor>,
    /// When it must be gone, once it was told to go.
    due: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
enum KilledFor {
    /// The pool, or a call, wanted it dead.
    Reason(KillReason),
    /// It lived on without its connection.
    CutOff(LinkError),
}

/// Everything that is known of a worker that ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) exit: ExitReport,
    pub(super) forced: bool,
    pub(super) reason: Option<KillReason>,
    pub(super) end: WorkerEnd,
}

/// What a keeper clears up.
pub(super) struct Remains {
    pub(super) output: OutputPump,
    pub(super) link: JoinSet<LinkError>,
    pub(super) lease: Box<dyn WorkspaceLease>,
}

impl Body {
    pub(super) fn new(process: Arc<WorkerProcess>, end: HostEnd) -> Self {
        Self { process, end, killed: OnceLock::new(), due: watch::Sender::new(None) }
    }

    pub(super) fn kill(&self, reason: KillReason) {
        self.strike(KilledFor::Reason(reason));
    }

    fn strike(&self, why: KilledFor) {
        // What ended before was not killed.
        if self.process.exit_report().is_none() {
            // A later reason is not why it dies.
            let _first_stands = self.killed.set(why);
        }
        self.process.kill();
    }

    /// Says goodbye, the first time, and sets when it must be gone; an earlier moment stands.
    pub(super) fn retire(&self, within: Duration) {
        let wanted = Instant::now() + within;
        let mut is_first = false;
        self.due.send_modify(|due| {
            is_first = due.is_none();
            *due = Some(due.map_or(wanted, |due| due.min(wanted)));
        });
        if is_first {
            self.end.goodbye(GoodbyeKind::Done, "");
        }
    }

    pub(super) fn is_retiring(&self) -> bool {
        self.due.borrow().is_some()
    }

    /// Resolves when it was told to go and its time is over.
    async fn overdue(&self) {
        let mut due = self.due.subscribe();
        loop {
            let moment = *due.borrow_and_update();
            tokio::select! {
                // The sender lives in `self`.
                _changed = due.changed() => {}
                () = async {
                    match moment {
                        Some(moment) => sleep_until(moment).await,
                        None => std::future::pending().await,
                    }
                } => return,
            }
        }
    }

    /// Waits for its end, and brings it about when it lives on without a connection or beyond its time.
    async fn until_exit(&self) -> ExitReport {
        let cut_off = tokio::select! {
            biased;
            exit = self.process.exited() => return exit,
            () = self.overdue() => None,
            cause = self.end.closed() => Some(cause),
        };
        match cut_off {
            None => self.kill(KillReason::Timeout),
            Some(violation @ LinkError::Violation(_)) => self.strike(KilledFor::CutOff(violation)),
            // It may be on its way out, as it should be when it was told to go.
            Some(_) if self.is_retiring() => tokio::select! {
                biased;
                exit = self.process.exited() => return exit,
                () = self.overdue() => self.kill(KillReason::Timeout),
            },
            Some(cause) => tokio::select! {
                biased;
                exit = self.process.exited() => return exit,
                () = sleep(EXIT_WITHIN) => self.strike(KilledFor::CutOff(cause)),
            },
        }
        self.process.exited().await
    }

    fn ending(&self, exit: ExitReport, tail: Vec<String>) -> Ending {
        // Another end than by our signal came before it.
        let died_of_us =
            matches!(exit.cause, ExitCause::Signal { signal: libc::SIGKILL, .. } | ExitCause::SpawnerLost);
        let killed = self.killed.get().filter(|_| died_of_us);
        let cause = match killed {
            Some(KilledFor::Reason(reason)) => CrashCause::Killed { reason: *reason },
            Some(KilledFor::CutOff(LinkError::Violation(violation))) => {
                CrashCause::ProtocolViolation { detail: violation.to_string() }
            }
            Some(KilledFor::CutOff(_)) => CrashCause::ChannelClosed,
            None => crash_cause(&exit),
        };
        let reason = match killed {
            Some(KilledFor::Reason(reason)) => Some(*reason),
            _ => None,
        };
        let expected = self.is_retiring() || matches!(self.killed.get(), Some(KilledFor::Reason(_)));
        let forced = killed.is_some() && reason.is_none();
        Ending { exit, forced, reason, end: WorkerEnd { cause, expected, tail } }
    }
}

impl Ending {
    /// What a call that ended with the worker needs to know; `tail` is its own.
    pub(super) fn death(&self, tail: Vec<String>) -> Death {
        Death { exit: Some(self.exit), forced: self.forced, reason: self.reason, tail }
    }
}

/// Stays with a worker to its end and says so when everything of it is gone. It ends by itself soon after a kill.
pub(super) async fn keep(body: Arc<Body>, remains: Remains, told: watch::Sender<Option<Arc<Ending>>>) {
    let Remains { output, mut link, lease } = remains;
    let exit = body.until_exit().await;
    // What it sent last is read, unless somebody it left holds the channel open.
    let _as_far_as_it_goes = timeout(LAST_FRAMES, body.end.closed()).await;
    body.end.abort();
    link.shutdown().await;
    let tail = output.finish().await;
    if let Err(error) = lease.release().await {
        tracing::warn!(error = %ErrorChain(&error), "the directory of a worker was not removed");
    }
    told.send_replace(Some(Arc::new(body.ending(exit, tail))));
}
