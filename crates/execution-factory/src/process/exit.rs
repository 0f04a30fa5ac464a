//! How a worker ended and what it used.
//! Facts only: whether an end is a crash or was wanted is for the backend to say.

use std::time::Duration;

use plugdock_contracts::outcome::Usage;
use plugdock_sandbox::group::{GroupCause, GroupUsage};
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

impl From<&ExitReport> for Usage {
    /// What the kernel measured of the processes, with the processor time of the whole group where there is one: the
    /// processes alone miss whom nobody waited for. The group's peak of memory counts file pages too, so it is no
    /// resident size.
    fn from(exit: &ExitReport) -> Self {
        let mut usage = exit.usage.map(Self::from).unwrap_or_default();
        usage.cpu_total = exit.group.and_then(|group| group.cpu);
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
    /// What its control group used until it was killed, and what it ran into; `None` without a group.
    pub group: Option<GroupUsage>,
    /// Descendants that were still alive when the spawner stopped waiting for their death.
    pub survivors: u32,
    /// Whether this host had asked for the kill before the report arrived.
    pub kill_requested: bool,
}

impl ExitReport {
    /// A report as a mock or a test needs it.
    pub const fn new(cause: ExitCause, usage: Option<ProcessUsage>) -> Self {
        Self { cause, usage, group: None, survivors: 0, kill_requested: false }
    }

    /// Whether the kernel killed it for want of memory: it was killed, not by this host, and its group lost a process
    /// that way. Which process that was is not counted, so a kill by somebody else after such a loss looks the same.
    pub fn is_out_of_memory(&self) -> bool {
        let killed = matches!(self.cause, ExitCause::Signal { signal: libc::SIGKILL, .. });
        // A group is made for one worker, so everything that it ever counted is the worker's.
        let causes = self.group.map(|used| used.causes(&GroupUsage::default())).unwrap_or_default();
        killed
            && !self.kill_requested
            && causes.iter().any(|cause| matches!(cause, GroupCause::Memory { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: ExitCause = ExitCause::Signal { signal: libc::SIGKILL, core_dumped: false };

    fn ended(cause: ExitCause, oom_kills: u64) -> ExitReport {
        let mut used = GroupUsage::default();
        used.oom_kills = Some(oom_kills);
        used.cpu = Some(Duration::from_secs(3));
        ExitReport { group: Some(used), ..ExitReport::new(cause, None) }
    }

    #[test]
    fn out_of_memory_is_a_kill_that_nobody_asked_for_in_a_group_that_lost_a_process() {
        assert!(ended(KILLED, 1).is_out_of_memory());
        assert!(!ended(KILLED, 0).is_out_of_memory());
        assert!(!ended(ExitCause::Code(0), 1).is_out_of_memory());
        assert!(!ExitReport { kill_requested: true, ..ended(KILLED, 1) }.is_out_of_memory());
        assert!(!ExitReport { group: None, ..ended(KILLED, 1) }.is_out_of_memory());
    }

    #[test]
    fn the_groups_processor_time_is_the_sum_and_stands_beside_what_the_processes_used() {
        let measured = ProcessUsage { cpu_user: Duration::from_secs(1), ..ProcessUsage::default() };
        let usage = Usage::from(&ExitReport { usage: Some(measured), ..ended(KILLED, 0) });
        assert_eq!(
            (usage.cpu_user, usage.cpu()),
            (Some(Duration::from_secs(1)), Some(Duration::from_secs(3)))
        );
        let alone = Usage::from(&ExitReport::new(KILLED, Some(measured)));
        assert_eq!(alone.cpu(), Some(Duration::from_secs(1)));
    }
}
