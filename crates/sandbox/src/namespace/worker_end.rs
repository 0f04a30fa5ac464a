//! How a worker ended, as its init tells the host: one line of JSON.
//! It states what the kernel counted; what it means for an execution is decided elsewhere.

use std::time::Duration;

use nix::sys::wait::WaitStatus;
use serde::{Deserialize, Serialize};

/// The end of a worker and of everything it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkerEnd {
    /// How the worker itself ended.
    pub(crate) status: EndStatus,
    /// Whether init's own deadline ended it.
    pub(crate) timed_out: bool,
    /// What the worker itself used, with the children it waited for.
    pub(crate) usage: EndUsage,
    /// What all processes of the namespace used.
    pub(crate) tree: EndUsage,
    /// How many processes outlived the worker and were ended by init.
    pub(crate) n_left: u32,
    /// Whether nothing was left when this was written. What is left dies with init, but may take its time.
    pub(crate) is_empty: bool,
}

/// The status of an ended process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum EndStatus {
    /// It ended itself.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl EndStatus {
    /// `None` for a process that has not ended.
    pub(super) const fn of(status: WaitStatus) -> Option<Self> {
        match status {
            WaitStatus::Exited(_, code) => Some(Self::Code(code)),
            WaitStatus::Signaled(_, signal, _) => Some(Self::Signal(signal as i32)),
            _ => None,
        }
    }
}

/// What processes used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndUsage {
    /// Processor time in user mode.
    pub(crate) cpu_user: Duration,
    /// Processor time in the kernel.
    pub(crate) cpu_system: Duration,
    /// The largest resident size of any one process, in bytes.
    pub(crate) max_rss_bytes: u64,
    /// Blocks of 512 bytes read from a device.
    pub(crate) blocks_read: u64,
    /// Blocks of 512 bytes written to a device.
    pub(crate) blocks_written: u64,
}

impl EndUsage {
    pub(super) fn of(usage: &libc::rusage) -> Self {
        /// The kernel reports the resident size in KiB.
        const RSS_UNIT: u64 = 1024;
        // The counters are signed by history and never negative.
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        let time = |time: libc::timeval| {
            Duration::from_secs(count(time.tv_sec)) + Duration::from_micros(count(time.tv_usec))
        };
        Self {
            cpu_user: time(usage.ru_utime),
            cpu_system: time(usage.ru_stime),
            max_rss_bytes: count(usage.ru_maxrss).saturating_mul(RSS_UNIT),
            blocks_read: count(usage.ru_inblock),
            blocks_written: count(usage.ru_oublock),
        }
    }
}
