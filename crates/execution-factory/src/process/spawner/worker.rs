//! One worker as the spawner sees it: a child that sets itself up, runs, and ends.
//! It reads the setup pipe and kills what it is told to; when, is for `server` to say.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::time::Instant;

use nix::unistd::Pid;
use plugdock_sandbox::Receipt;

use super::super::failure::{SpawnFailure, SpawnStep};
use super::super::message::SetupReport;
use super::control_group::ControlGroup;
use super::family::kill_group;

/// Most bytes of setup reports: two documents of a few KiB. The child runs our own code, so more is a defect.
const MAX_REPORT: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pid: Pid,
    /// Holds it as a whole; `None` without a limit to hold.
    pub(super) group: Option<ControlGroup>,
    /// The process descriptor that goes to the host with the news that the program runs.
    pub(super) process: Option<OwnedFd>,
    /// Present until the program runs or the start has failed.
    pub(super) setup: Option<Setup>,
    /// Why it will not start; the child may still have to end.
    pub(super) failure: Option<SpawnFailure>,
    /// Whether the host knows of the failure already.
    pub(super) reported: bool,
    /// When it was found dead; its group is being ended since then.
    pub(super) dead_since: Option<Instant>,
}

impl Worker {
    /// Kills everything of the worker that can be reached, and notes what it used until then.
    pub(super) fn kill(&mut self) {
        if let Some(group) = &mut self.group {
            group.note_usage();
        }
        kill_group(self.pid);
        // After the leader, so that a child which has not joined yet does not come in later.
        if let Some(group) = &mut self.group {
            group.kill();
        }
    }

    /// Gives up its start.
    pub(super) fn fail(&mut self, failure: SpawnFailure) {
        self.setup = None;
        self.failure = Some(failure);
        self.kill();
    }

    /// Whether nobody is left in its control group, which is removed then.
    pub(super) fn is_group_gone(&mut self) -> bool {
        self.group.as_mut().is_none_or(ControlGroup::try_remove)
    }
}

/// The start of a worker, from fork until its program runs.
#[derive(Debug)]
pub(super) struct Setup {
    /// Non-blocking; its end-of-file means that the program runs or that the child is gone.
    pub(super) pipe: File,
    pub(super) deadline: Instant,
    text: Vec<u8>,
}

/// What the setup pipe has told.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing final yet.
    More,
    /// The child is set up, and its pipe closed: the program runs, unless the child was killed in between.
    Running(Box<Receipt>),
    /// It will not run.
    Failed(SpawnFailure),
}

impl Setup {
    pub(super) fn new(pipe: OwnedFd, deadline: Instant) -> Self {
        Self { pipe: pipe.into(), deadline, text: Vec::new() }
    }

    /// Reads what is there.
    pub(super) fn read(&mut self) -> Told {
        let mut chunk = [0; 8192];
        loop {
            match self.pipe.read(&mut chunk) {
                Ok(0) => return self.conclude(),
                Ok(count) if self.text.len() + count > MAX_REPORT => {
                    return Told::Failed(SpawnFailure::new(
                        SpawnStep::Receipt,
                        "the setup report is too long",
                    ));
                }
                Ok(count) => self.text.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Told::More,
                Err(error) => {
                    return Told::Failed(SpawnFailure::new(SpawnStep::Receipt, error.to_string()));
                }
            }
        }
    }

    fn conclude(&self) -> Told {
        let mut receipt = None;
        for line in self.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(SetupReport::Ready(found)) => receipt = Some(found),
                Ok(SetupReport::Failed(failure)) => return Told::Failed(failure),
                // The child died while it wrote.
                Err(error) => return Told::Failed(SpawnFailure::new(SpawnStep::Died, error.to_string())),
            }
        }
        receipt.map_or_else(
            || Told::Failed(SpawnFailure::new(SpawnStep::Died, "it ended without a report")),
            Told::Running,
        )
    }
}
