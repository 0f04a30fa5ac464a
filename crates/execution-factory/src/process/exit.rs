//! How a worker ended and what it used.
//! Facts only: whether an end is a crash or was wanted is for the backend to say.

use std::time::Duration;

use plugdock_contracts::outcome::Usage;
use serde::{Deserialize, Serialize};

/// What a process used until it ended, with the children it waited for. Measured by the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessUsage {
    /// Processor time in user mode.
    pub cpu_user: Duration,
    /// Processor time in the kernel.
    pub cpu_system: Duration,
    /// The largest resident size of one process, in bytes. The spawner's own small size before `execve` counts
    /// towards it, so it is never below a few MiB.
    pub max_rss_bytes: u64,
    /// Blocks of 512 bytes read from a device.
    pub blocks_read: u64,
    /// Blocks of 512 bytes written to a device.
    pub blocks_written: u64,
}

impl From<ProcessUsage> for Usage {
    fn from(measured: ProcessUsage) -> Self {
        /// The kernel counts storage in blocks of this size, whatever the device has.
        const BLOCK: u64 = 512;
        let mut usage = Self::default();
        usage.cpu_user = Some(measured.cpu_user);
        usage.cpu_system = Some(measured.cpu_system);
        usage.peak_resident_bytes = Some(measured.max_rss_bytes);
        usage.read_bytes = Some(measured.blocks_read.saturating_mul(BLOCK));
        usage.written_bytes = Some(measured.blocks_written.saturating_mul(BLOCK));
        usage
    }
}

/// How a worker's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitCause {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether it left a core file.
        core_dumped: bool,
    },
    /// The spawner ended first. The worker was killed with it; how it ended is not known.
    SpawnerLost,
}

/// The last thing known of a worker. It is made only after the worker's group is dead, or has resisted for the
/// bounded time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExitReport {
    /// How it ended.
    pub cause: ExitCause,
    /// What it used; `None` if nobody could measure it.
    pub usage: Option<ProcessUsage>,
    /// Descendants that were still alive when the spawner stopped waiting for their death.
    pub survivors: u32,
    /// Whether this host had asked for the kill before the report arrived.
    pub kill_requested: bool,
}

impl ExitReport {
    /// A report as a mock or a test needs it.
    pub const fn new(cause: ExitCause, usage: Option<ProcessUsage>) -> Self {
        Self { cause, usage, survivors: 0, kill_requested: false }
    }
}
