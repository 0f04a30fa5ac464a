//! One kernel resource limit as plain data, and how it is read and set.
//! It does not decide which limits a worker gets: `plan` does.

use std::fmt;

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// A resource the kernel limits per process (`setrlimit(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RlimitKind {
    /// `RLIMIT_CORE`: size of a core file.
    Core,
    /// `RLIMIT_CPU`: processor seconds of one process.
    Cpu,
    /// `RLIMIT_DATA`: private writable memory of one process.
    Data,
    /// `RLIMIT_FSIZE`: size of a file the process writes.
    FileSize,
    /// `RLIMIT_NOFILE`: open descriptors.
    OpenFiles,
    /// `RLIMIT_STACK`: the main thread's stack.
    Stack,
    /// `RLIMIT_AS`: address space; observed and reported, never part of a plan.
    AddressSpace,
    /// `RLIMIT_NPROC`: processes and threads of the user; observed and reported, never part of a plan.
    Processes,
    /// `RLIMIT_MEMLOCK`: pages kept in memory.
    LockedMemory,
    /// `RLIMIT_MSGQUEUE`: bytes in message queues of the user.
    MessageQueues,
}

impl RlimitKind {
    /// Every kind, in the order in which reports list them.
    pub const ALL: [Self; 10] = [
        Self::Core,
        Self::Cpu,
        Self::Data,
        Self::FileSize,
        Self::OpenFiles,
        Self::Stack,
        Self::AddressSpace,
        Self::Processes,
        Self::LockedMemory,
        Self::MessageQueues,
    ];

    /// The kernel's own name, as people know it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "RLIMIT_CORE",
            Self::Cpu => "RLIMIT_CPU",
            Self::Data => "RLIMIT_DATA",
            Self::FileSize => "RLIMIT_FSIZE",
            Self::OpenFiles => "RLIMIT_NOFILE",
            Self::Stack => "RLIMIT_STACK",
            Self::AddressSpace => "RLIMIT_AS",
            Self::Processes => "RLIMIT_NPROC",
            Self::LockedMemory => "RLIMIT_MEMLOCK",
            Self::MessageQueues => "RLIMIT_MSGQUEUE",
        }
    }

    const fn resource(self) -> Resource {
        match self {
            Self::Core => Resource::RLIMIT_CORE,
            Self::Cpu => Resource::RLIMIT_CPU,
            Self::Data => Resource::RLIMIT_DATA,
            Self::FileSize => Resource::RLIMIT_FSIZE,
            Self::OpenFiles => Resource::RLIMIT_NOFILE,
            Self::Stack => Resource::RLIMIT_STACK,
            Self::AddressSpace => Resource::RLIMIT_AS,
            Self::Processes => Resource::RLIMIT_NPROC,
            Self::LockedMemory => Resource::RLIMIT_MEMLOCK,
            Self::MessageQueues => Resource::RLIMIT_MSGQUEUE,
        }
    }
}

impl fmt::Display for RlimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A limit with its two values; [`Rlimit::UNLIMITED`] means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rlimit {
    /// What is limited.
    pub kind: RlimitKind,
    /// Where the kernel acts; the process may raise it up to `hard`.
    pub soft: u64,
    /// The ceiling, which the process can lower but not raise.
    pub hard: u64,
}

impl Rlimit {
    /// The kernel's word for "no limit".
    pub const UNLIMITED: u64 = RLIM_INFINITY;

    /// The same value for both.
    pub const fn exactly(kind: RlimitKind, value: u64) -> Self {
        Self { kind, soft: value, hard: value }
    }

    /// Reads what is in force in this process.
    pub(crate) fn read(kind: RlimitKind) -> Result<Self, Errno> {
        let (soft, hard) = getrlimit(kind.resource())?;
        Ok(Self { kind, soft, hard })
    }

    /// Puts the limit in force in this process.
    pub(crate) fn set(self) -> Result<(), Errno> {
        setrlimit(self.kind.resource(), self.soft, self.hard)
    }
}

impl Rlimit {
    /// The two values in words, without the name.
    pub(crate) fn values(&self) -> String {
        let value = |v: u64| if v == Self::UNLIMITED { "unlimited".to_owned() } else { v.to_string() };
        if self.soft == self.hard {
            value(self.soft)
        } else {
            format!("{} (ceiling {})", value(self.soft), value(self.hard))
        }
    }
}

impl fmt::Display for Rlimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.values())
    }
}
