//! One limit of a group: how each version spells it, and what the kernel says is in force.
//! It does not decide which limits a group gets.

use std::fmt;
use std::path::Path;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::control_file::{self, number, optional, write};
use super::fault::{GroupFault, GroupStep, at};
use super::host::GroupVersion;

/// The period over which a processor share is measured: the kernel's own default.
const PERIOD_US: u64 = 100_000;

/// The longest period the kernel takes, for shares so small that their part of a short one is refused.
const LONG_PERIOD_US: u64 = 1_000_000;

/// The smallest quota the kernel takes.
const MIN_QUOTA_US: u64 = 1_000;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LimitKind {
    /// Bytes of memory.
    Memory,
    /// Share of processor time, in thousandths of a core.
    Cpu,
    /// Processes and threads.
    Processes,
}

impl LimitKind {
    /// The controller that holds it.
    pub(super) const fn controller(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Processes => "pids",
        }
    }

    /// The name of what holds it, as reports spell it.
    pub(super) const fn mechanism(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu-share",
            Self::Processes => "processes",
        }
    }

    /// A value with its unit.
    pub(super) fn in_words(self, value: u64) -> String {
        let unit = match self {
            Self::Memory => "bytes",
            Self::Cpu => "millicores",
            Self::Processes => "processes and threads",
        };
        if value == u64::MAX { "no limit".to_owned() } else { format!("{value} {unit}") }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Processes => "processes",
        })
    }
}

/// Processor time in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) quota_us: u64,
    pub(super) period_us: u64,
}

impl Share {
    pub(super) const fn of(millicores: u64) -> Self {
        let quota_us = millicores.saturating_mul(PERIOD_US / 1000);
        if quota_us >= MIN_QUOTA_US {
            return Self { quota_us, period_us: PERIOD_US };
        }
        // Zero is no share at all, which the kernel cannot hold; it gets the smallest that it can.
        let quota_us = millicores.saturating_mul(LONG_PERIOD_US / 1000);
        Self {
            quota_us: if quota_us < MIN_QUOTA_US { MIN_QUOTA_US } else { quota_us },
            period_us: LONG_PERIOD_US,
        }
    }

    /// The share in thousandths of a core; `u64::MAX` without a quota.
    pub(super) const fn millicores(self) -> u64 {
        match self.quota_us.checked_mul(1000) {
            Some(scaled) if self.quota_us != u64::MAX && self.period_us != 0 => scaled / self.period_us,
            _ => u64::MAX,
        }
    }
}

/// Sets a limit in the group of `directory` and compares it with what the kernel then says.
pub(super) fn set(
    directory: &Path,
    version: GroupVersion,
    kind: LimitKind,
    value: u64,
) -> Result<(), GroupFault> {
    let done = match kind {
        LimitKind::Memory => set_memory(directory, version, value),
        LimitKind::Cpu => set_share(directory, version, Share::of(value)),
        LimitKind::Processes => write(&directory.join("pids.max"), &value.to_string()),
    };
    done.map_err(at(GroupStep::Limit(kind)))?;
    let found = read(directory, version, kind).map_err(at(GroupStep::ReadBack(kind)))?;
    if found == in_force(kind, value) { Ok(()) } else { Err(at(GroupStep::ReadBack(kind))(Errno::ERANGE)) }
}

/// What the kernel says when `value` is in force.
pub(super) const fn in_force(kind: LimitKind, value: u64) -> u64 {
    match kind {
        LimitKind::Cpu => Share::of(value).millicores(),
        LimitKind::Memory | LimitKind::Processes => value,
    }
}

/// What is in force in the group of `directory`; `u64::MAX` for no limit.
pub(super) fn read(directory: &Path, version: GroupVersion, kind: LimitKind) -> Result<u64, Errno> {
    match (kind, version) {
        (LimitKind::Memory, GroupVersion::V1) => {
            let memory = number(&directory.join(LIMIT_V1))?;
            // With swap counted, the larger of the two is what the group can take.
            Ok(optional(number(&directory.join(SWAP_V1)))?.map_or(memory, |both| both.max(memory)))
        }
        (LimitKind::Memory, GroupVersion::V2) => {
            let memory = number(&directory.join("memory.max"))?;
            let swap = optional(number(&directory.join("memory.swap.max")))?.unwrap_or(0);
            Ok(memory.saturating_add(swap))
        }
        (LimitKind::Cpu, _) => read_share(directory, version).map(Share::millicores),
        (LimitKind::Processes, _) => number(&directory.join("pids.max")),
    }
}

const LIMIT_V1: &str = "memory.limit_in_bytes";
const SWAP_V1: &str = "memory.memsw.limit_in_bytes";

fn set_memory(directory: &Path, version: GroupVersion, bytes: u64) -> Result<(), Errno> {
    let value = bytes.to_string();
    let write = |name: &str, value: &str| write(&directory.join(name), value);
    match version {
        GroupVersion::V1 => {
            write(LIMIT_V1, &value)?;
            if directory.join(SWAP_V1).exists() {
                // The sum with swap may not be below the first, so it comes second.
                write(SWAP_V1, &value)?;
            } else {
                write("memory.swappiness", "0")?;
            }
            // A parent's "wait instead of killing" is inherited, and would leave the worker hanging at its limit.
            let control = control_file::read(&directory.join("memory.oom_control"))?;
            if control_file::keyed(&control, "oom_kill_disable") == Some(0) {
                return Ok(());
            }
            write("memory.oom_control", "0")
        }
        GroupVersion::V2 => {
            write("memory.max", &value)?;
            optional(write("memory.swap.max", "0"))?;
            // Half a worker is of no use: the kernel ends all of it.
            optional(write("memory.oom.group", "1")).map(drop)
        }
    }
}

/// Sets a share of processor time.
pub(super) fn set_share(directory: &Path, version: GroupVersion, share: Share) -> Result<(), Errno> {
    match version {
        GroupVersion::V1 => {
            let (quota, period) = (directory.join("cpu.cfs_quota_us"), directory.join("cpu.cfs_period_us"));
            if number(&period)? != share.period_us {
                // An old quota could be more than the new period allows, so there is none for a moment.
                write(&quota, "-1")?;
                write(&period, &share.period_us.to_string())?;
            }
            write(&quota, &share.quota_us.to_string())
        }
        GroupVersion::V2 => {
            write(&directory.join("cpu.max"), &format!("{} {}", share.quota_us, share.period_us))
        }
    }
}

pub(super) fn read_share(directory: &Path, version: GroupVersion) -> Result<Share, Errno> {
    match version {
        GroupVersion::V1 => Ok(Share {
            quota_us: number(&directory.join("cpu.cfs_quota_us"))?,
            period_us: number(&directory.join("cpu.cfs_period_us"))?,
        }),
        GroupVersion::V2 => {
            let text = control_file::read(&directory.join("cpu.max"))?;
            let (quota, period) = text.split_once(' ').ok_or(Errno::EBADMSG)?;
            Ok(Share { quota_us: control_file::parse(quota)?, period_us: control_file::parse(period)? })
        }
    }
}
