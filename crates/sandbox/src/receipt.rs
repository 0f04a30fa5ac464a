//! The receipt: what a process reads back about itself after the plan was applied.
//! It reports facts and judges nothing: `verify` compares them with the plan.

use std::io;

use nix::errno::Errno;
use nix::sys::prctl;
use serde::{Deserialize, Serialize};

use crate::rlimit::{Rlimit, RlimitKind};
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
}

impl Receipt {
    /// Reads the state of the calling process.
    ///
    /// # Errors
    /// When `/proc` is missing or a fact cannot be read: a receipt is complete or there is none.
    pub fn observe() -> Result<Self, ReceiptError> {
        let status = std::fs::read_to_string("/proc/self/status")
            .map_err(|source| ReceiptError { what: "status", source })?;
        let oom = std::fs::read_to_string("/proc/self/oom_score_adj")
            .map_err(|source| ReceiptError { what: "out-of-memory adjustment", source })?;
        let rlimits = RlimitKind::ALL
            .into_iter()
            .map(Rlimit::read)
            .collect::<Result<Vec<_>, _>>()
            .map_err(kernel("resource limits"))?;
        Ok(Self {
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
            descriptors: kept_descriptors().map_err(kernel("descriptors"))?,
            death_signal: prctl::get_pdeathsig().map_err(kernel("death signal"))?.map(|signal| signal as i32),
            dumpable: prctl::get_dumpable().map_err(kernel("dumpable flag"))?,
            oom_score_adj: oom
                .trim()
                .parse()
                .map_err(|_not_a_number| malformed("out-of-memory adjustment"))?,
        })
    }

    /// The limit of one kind.
    pub fn rlimit(&self, kind: RlimitKind) -> Option<Rlimit> {
        self.rlimits.iter().copied().find(|limit| limit.kind == kind)
    }
}

fn kept_descriptors() -> Result<Vec<i32>, Errno> {
    let mut kept = Vec::new();
    for descriptor in sys::open_descriptors()? {
        if !sys::closes_on_exec(descriptor)? {
            kept.push(descriptor);
        }
    }
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
