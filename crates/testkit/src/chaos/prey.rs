//! The processes that a soak may signal: the spawner of this host and its children, and nobody else on the machine.
//! A number is looked at right before it is signalled: it must still descend from this process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::evidence::Blow;
use crate::harness::Process;

/// Sends what it is told to send, and says whether there was somebody.
const SCRIPT: &str = "while read -r signal pid; do if kill -$signal $pid 2>/dev/null; then echo hit; else echo missed; fi; done";

/// A shell that sends signals, because safe Rust cannot.
#[derive(Debug)]
pub(super) struct Signaller {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Signaller {
    pub(super) fn start() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "signals come from outside of the backend, as an operator's do"
        )]
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        let orders = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("it was asked for"));
        Self { shell, orders, answers }
    }

    /// Sends a signal; whether there was a process of that number.
    pub(super) fn send(&mut self, blow: Blow, pid: u32) -> bool {
        let orders = self.orders.as_mut().expect("it is taken by the drop alone");
        writeln!(orders, "{} {pid}", blow.name()).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer == "hit\n"
    }
}

impl Drop for Signaller {
    fn drop(&mut self) {
        // The shell ends with its input.
        drop(self.orders.take());
        let _reaped = self.shell.wait();
    }
}

/// Where the prey is.
#[derive(Debug)]
pub(super) struct Prey {
    program: PathBuf,
    spawner: Option<u32>,
}

impl Prey {
    /// The prey of a host whose spawner runs this program.
    pub(super) fn of(program: &Path) -> Self {
        Self { program: program.to_owned(), spawner: None }
    }

    /// The spawner that runs now.
    pub(super) fn spawner(&mut self) -> Option<u32> {
        let own = std::process::id();
        let is_ours = |pid: u32| {
            let program = std::fs::read_link(format!("/proc/{pid}/exe"));
            Process::of(pid).is_some_and(|process| process.parent == own && process.is_running())
                && program.is_ok_and(|program| program == self.program)
        };
        if !self.spawner.is_some_and(is_ours) {
            self.spawner = children(own).into_iter().find(|pid| is_ours(*pid));
        }
        self.spawner
    }

    /// Whether a number still is a child of the spawner.
    pub(super) fn has(&mut self, pid: u32) -> bool {
        let spawner = self.spawner();
        Process::of(pid).is_some_and(|process| Some(process.parent) == spawner && process.is_running())
    }

    /// The spawner's children: workers, those that are being started, and what lost its parent.
    pub(super) fn all(&mut self) -> Vec<u32> {
        self.spawner().map(children).unwrap_or_default()
    }
}

fn children(of: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid| Process::of(*pid).is_some_and(|process| process.parent == of && process.is_running()))
        .collect()
}
