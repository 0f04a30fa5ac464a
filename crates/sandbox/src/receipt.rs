//! The receipt: what a process reads back about itself after the plan was applied.
//! It reports facts and judges nothing: `verify` compares them with the plan.

use std::fs::File;
use std::io::{self, Read as _};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};

use crate::apply::Applied;
use crate::domain::Walls;
use crate::group::GroupReceipt;
use crate::privilege::Held;
use crate::rlimit::{Rlimit, RlimitKind};
use crate::seccomp::SyscallAnswers;
use crate::sys;

/// The process could not read its own state.
#[derive(Debug, thiserror::Error)]
#[error("could not read own {what}")]
#[non_exhaustive]
pub struct ReceiptError {
    /// Which fact.
    pub what: &'static str,
    /// The cause.
    #[source]
    pub source: io::Error,
}

/// The state of one process, read by itself.
///
/// The spawner's child observes it immediately before `execve`. Everything here except `dumpable` is kept by
/// `execve`; the kernel makes a process dumpable again there, so that field is a fact about the moment only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Receipt {
    /// The process.
    pub pid: i32,
    /// Its process group.
    pub process_group: i32,
    /// Its session.
    pub session: i32,
    /// Its user.
    pub uid: u32,
    /// Whether new privileges are given up.
    pub no_new_privs: bool,
    /// The seccomp mode: 0 none, 2 filter.
    pub seccomp: u32,
    /// Blocked signals, bit n-1 for signal n.
    pub signals_blocked: u64,
    /// Ignored signals, bit n-1 for signal n.
    pub signals_ignored: u64,
    /// File mode creation mask.
    pub umask: u32,
    /// Every limit of [`RlimitKind::ALL`].
    pub rlimits: Vec<Rlimit>,
    /// Open descriptors that stay open over `execve`.
    pub descriptors: Vec<i32>,
    /// The signal sent to it when its parent ends.
    pub death_signal: Option<i32>,
    /// Whether it can be traced and dumped at this moment.
    pub dumpable: bool,
    /// Its out-of-memory adjustment.
    pub oom_score_adj: i32,
    /// Its capabilities.
    pub capabilities: Held,
    /// What it found when it tried the walls of its domain; `None` without one.
    pub walls: Option<Walls>,
    /// How filtered system calls answered when it tried; `None` without a filter.
    pub answers: Option<SyscallAnswers>,
    /// Its control group and what it found there; `None` without one. Whoever joined it adds this.
    pub group: Option<GroupReceipt>,
}

/// The files that tell a process about itself, opened while they can be: a sandbox may close `/proc`.
#[derive(Debug)]
pub struct Observer {
    status: File,
    oom_score_adj: File,
    descriptors: Dir,
}

impl Observer {
    /// Opens them for the calling process. A process forked later needs its own.
    ///
    /// # Errors
    /// When `/proc` is missing or closed.
    pub fn open() -> Result<Self, ReceiptError> {
        let open = |what, path| File::open(path).map_err(|source| ReceiptError { what, source });
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self {
            status: open("status", "/proc/self/status")?,
            oom_score_adj: open("out-of-memory adjustment", "/proc/self/oom_score_adj")?,
            descriptors: Dir::open("/proc/self/fd", flags, Mode::empty()).map_err(kernel("descriptors"))?,
        })
    }

    /// Reads the state of the calling process as it is now.
    ///
    /// # Errors
    /// When a fact cannot be read: a receipt is complete or there is none.
    pub fn observe(mut self, applied: &Applied) -> Result<Receipt, ReceiptError> {
        let status = read(&mut self.status, "status")?;
        let oom = read(&mut self.oom_score_adj, "out-of-memory adjustment")?;
        let rlimits = RlimitKind::ALL
            .into_iter()
            .map(Rlimit::read)
            .collect::<Result<Vec<_>, _>>()
            .map_err(kernel("resource limits"))?;
        Ok(Receipt {
            pid: nix::unistd::getpid().as_raw(),
            process_group: nix::unistd::getpgrp().as_raw(),
            session: nix::unistd::getsid(None).map_err(kernel("session"))?.as_raw(),
            uid: nix::unistd::getuid().as_raw(),
            no_new_privs: number(&status, "NoNewPrivs", 10)? == 1,
            seccomp: narrow(number(&status, "Seccomp", 10)?, "Seccomp")?,
            signals_blocked: number(&status, "SigBlk", 16)?,
            signals_ignored: number(&status, "SigIgn", 16)?,
            umask: narrow(number(&status, "Umask", 8)?, "Umask")?,
            rlimits,
            descriptors: kept_descriptors(&mut self.descriptors).map_err(kernel("descriptors"))?,
            death_signal: prctl::get_pdeathsig().map_err(kernel("death signal"))?.map(|signal| signal as i32),
            dumpable: prctl::get_dumpable().map_err(kernel("dumpable flag"))?,
            oom_score_adj: oom
                .trim()
                .parse()
                .map_err(|_not_a_number| malformed("out-of-memory adjustment"))?,
            capabilities: Held {
                inheritable: number(&status, "CapInh", 16)?,
                permitted: number(&status, "CapPrm", 16)?,
                effective: number(&status, "CapEff", 16)?,
                bounding: number(&status, "CapBnd", 16)?,
                ambient: number(&status, "CapAmb", 16)?,
            },
            walls: applied.walls,
            answers: applied.answers,
            group: None,
        })
    }
}

fn read(file: &mut File, what: &'static str) -> Result<String, ReceiptError> {
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|source| ReceiptError { what, source })?;
    Ok(text)
}

impl Receipt {
    /// Reads the state of the calling process, where nothing closes `/proc` and no walls were tried.
    ///
    /// # Errors
    /// As [`Observer::open`] and [`Observer::observe`].
    pub fn observe() -> Result<Self, ReceiptError> {
        Observer::open()?.observe(&Applied::default())
    }

    /// The limit of one kind.
    pub fn rlimit(&self, kind: RlimitKind) -> Option<Rlimit> {
        self.rlimits.iter().copied().find(|limit| limit.kind == kind)
    }
}

/// Descriptors without close-on-exec, in order.
fn kept_descriptors(open: &mut Dir) -> Result<Vec<i32>, Errno> {
    let mut kept = Vec::new();
    for entry in open.iter() {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().ok().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // What was closed since the directory was read is not kept either.
        if matches!(sys::closes_on_exec(number), Ok(false)) {
            kept.push(number);
        }
    }
    kept.sort_unstable();
    Ok(kept)
}

/// The number behind `key:` in the text of `/proc/<pid>/status`.
fn number(status: &str, key: &'static str, radix: u32) -> Result<u64, ReceiptError> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .and_then(|value| u64::from_str_radix(value.trim(), radix).ok())
        .ok_or_else(|| malformed(key))
}

fn narrow(value: u64, key: &'static str) -> Result<u32, ReceiptError> {
    u32::try_from(value).map_err(|_not_a_number| malformed(key))
}

fn malformed(what: &'static str) -> ReceiptError {
    ReceiptError { what, source: io::Error::new(io::ErrorKind::InvalidData, "missing or not a number") }
}

fn kernel(what: &'static str) -> impl FnOnce(Errno) -> ReceiptError {
    move |errno| ReceiptError { what, source: errno.into() }
}
