//! A running worker as its owner holds it: its channel, its output, its receipt, and the means to end it.
//! It says how the process ended, never what that means.

use std::fmt;
use std::os::unix::net::UnixStream;

use plugdock_sandbox::Receipt;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::super::exit::{ExitCause, ExitReport};

/// A signal that asks a worker to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerSignal {
    /// `SIGTERM` to the whole group; a worker may ignore it.
    Soft,
}

/// The means to reach a worker's processes; a mock implements it in tests.
pub trait WorkerControl: fmt::Debug + Send + Sync {
    /// Sends a signal to the group. It does not wait and may come too late.
    fn signal(&self, signal: WorkerSignal);
    /// Kills the group. It does not wait, and may be called any number of times.
    fn kill(&self);
}

/// What a worker is made of.
#[derive(Debug)]
pub struct WorkerParts {
    /// The number it has with its spawner.
    pub id: u64,
    /// The process number, for display only: it may belong to someone else once the worker is dead.
    pub pid: i32,
    /// The host's end of the channel, non-blocking.
    pub channel: UnixStream,
    /// Standard output.
    pub stdout: pipe::Receiver,
    /// Standard error.
    pub stderr: pipe::Receiver,
    /// What was found in force.
    pub receipt: Receipt,
    /// How to reach it.
    pub control: Box<dyn WorkerControl>,
    /// Where its end is announced, once.
    pub exit: watch::Receiver<Option<ExitReport>>,
}

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub struct WorkerProcess {
    id: u64,
    pid: i32,
    channel: Option<UnixStream>,
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
    receipt: Receipt,
    control: Box<dyn WorkerControl>,
    exit: watch::Receiver<Option<ExitReport>>,
}

impl WorkerProcess {
    /// Puts a worker together; a spawner does, and a mock may.
    pub fn from_parts(parts: WorkerParts) -> Self {
        Self {
            id: parts.id,
            pid: parts.pid,
            channel: Some(parts.channel),
            stdout: Some(parts.stdout),
            stderr: Some(parts.stderr),
            receipt: parts.receipt,
            control: parts.control,
            exit: parts.exit,
        }
    }

    /// The number it has with its spawner.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Its process number, for display only.
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// The host's end of the channel, once; it is non-blocking.
    pub const fn take_channel(&mut self) -> Option<UnixStream> {
        self.channel.take()
    }

    /// Its standard output, once.
    pub const fn take_stdout(&mut self) -> Option<pipe::Receiver> {
        self.stdout.take()
    }

    /// Its standard error, once.
    pub const fn take_stderr(&mut self) -> Option<pipe::Receiver> {
        self.stderr.take()
    }

    /// What it found in force before it ran its program.
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// Asks it to end. It does not wait.
    pub fn signal(&self, signal: WorkerSignal) {
        self.control.signal(signal);
    }

    /// Kills it with everything in its group. It does not wait, and may be called any number of times.
    pub fn kill(&self) {
        self.control.kill();
    }

    /// Waits for its end, any number of times.
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn exited(&self) -> ExitReport {
        let mut exit = self.exit.clone();
        let report = exit.wait_for(Option::is_some).await.ok().and_then(|report| *report);
        // The announcer is gone without a word only if the runtime that served the spawner is gone.
        report.unwrap_or(ExitReport::new(ExitCause::SpawnerLost, None))
    }

    /// How it ended, if it is known to have ended.
    pub fn exit_report(&self) -> Option<ExitReport> {
        *self.exit.borrow()
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        if self.exit.borrow().is_none() {
            self.control.kill();
        }
    }
}
