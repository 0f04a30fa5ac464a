//! What a group used, as the kernel counts it, and what it ran into.
//! Counters that the kernel or the plan does not have are absent, never zero.

use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::control_file::{keyed, number, optional, read};
use super::host::GroupVersion;
use super::limit::{self, LimitKind};
use super::place::{GroupDirectory, GroupPlace};

/// Counters of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GroupUsage {
    /// The most memory it ever took, in bytes.
    pub memory_peak: Option<u64>,
    /// The memory it takes now, in bytes, file pages included.
    pub memory_now: Option<u64>,
    /// Its memory limit in bytes, as the kernel holds it now.
    pub memory_limit: Option<u64>,
    /// How often it came to its own memory limit, whether or not that could be helped. The first version does not count it
    /// on every kernel, so there it is absent.
    pub memory_limit_hits: Option<u64>,
    /// How many of its processes the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Processor time of all its processes, dead ones included.
    pub cpu: Option<Duration>,
    /// In how many periods it had to wait for its share of processor time.
    pub throttled: Option<u64>,
    /// Its processes and threads now.
    pub processes_now: Option<u64>,
    /// How often a new process or thread was refused.
    pub processes_denied: Option<u64>,
}

/// A limit that a group ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupCause {
    /// The kernel killed for want of memory.
    Memory {
        /// How many processes.
        kills: u64,
        /// Whether the group came to its own limit; otherwise the shortage was outside, and the plugin may be innocent.
        own_limit: bool,
    },
    /// New processes or threads were refused.
    Processes {
        /// How many.
        denied: u64,
    },
}

impl GroupUsage {
    /// What the group ran into since `before`, the likelier cause of a death first.
    pub fn causes(&self, before: &Self) -> Vec<GroupCause> {
        let grown = |now: Option<u64>, then: Option<u64>| now.unwrap_or(0).saturating_sub(then.unwrap_or(0));
        let kills = grown(self.oom_kills, before.oom_kills);
        let own_limit = grown(self.memory_limit_hits, before.memory_limit_hits) > 0 || self.reached_limit();
        let denied = grown(self.processes_denied, before.processes_denied);
        let memory = (kills > 0).then_some(GroupCause::Memory { kills, own_limit });
        let processes = (denied > 0).then_some(GroupCause::Processes { denied });
        memory.into_iter().chain(processes).collect()
    }

    /// Whether memory ever came so close to the limit that the next allocation could fail.
    fn reached_limit(&self) -> bool {
        /// The kernel kills for want of at most eight pages at once; of 64 KiB each, where pages are largest.
        const LARGEST_REQUEST: u64 = 8 * (64 << 10);
        match (self.memory_peak, self.memory_limit) {
            (Some(peak), Some(limit)) => peak.saturating_add(LARGEST_REQUEST) >= limit,
            _ => false,
        }
    }

    pub(super) fn read(place: &GroupPlace) -> Result<Self, Errno> {
        let mut usage = Self::default();
        if let Some(directory) = place.with("memory") {
            usage.add_memory(directory)?;
        }
        if let Some(directory) = place.with("pids") {
            usage.processes_now = Some(number(&directory.path.join("pids.current"))?);
            usage.processes_denied = keyed(&read(&directory.path.join("pids.events"))?, "max");
        }
        if let Some(directory) = place.with("cpu") {
            usage.throttled = keyed(&read(&directory.path.join("cpu.stat"))?, "nr_throttled");
        }
        usage.cpu = processor_time(place)?;
        Ok(usage)
    }

    fn add_memory(&mut self, directory: &GroupDirectory) -> Result<(), Errno> {
        let file = |name: &str| directory.path.join(name);
        self.memory_limit = Some(limit::read(&directory.path, directory.version, LimitKind::Memory)?);
        match directory.version {
            GroupVersion::V1 => {
                self.memory_peak = Some(number(&file("memory.max_usage_in_bytes"))?);
                self.memory_now = Some(number(&file("memory.usage_in_bytes"))?);
                // `memory.failcnt` is not read: Linux 6.18 leaves it at zero even when the limit killed.
                self.oom_kills = keyed(&read(&file("memory.oom_control"))?, "oom_kill");
            }
            GroupVersion::V2 => {
                self.memory_peak = optional(number(&file("memory.peak")))?;
                self.memory_now = Some(number(&file("memory.current"))?);
                let events = read(&file("memory.events"))?;
                self.memory_limit_hits = keyed(&events, "max");
                self.oom_kills = keyed(&events, "oom_kill");
            }
        }
        Ok(())
    }
}

fn processor_time(place: &GroupPlace) -> Result<Option<Duration>, Errno> {
    if let Some(directory) = place.unified() {
        let text = read(&directory.path.join("cpu.stat"))?;
        return Ok(keyed(&text, "usage_usec").map(Duration::from_micros));
    }
    match place.with("cpuacct") {
        Some(directory) => {
            number(&directory.path.join("cpuacct.usage")).map(|spent| Some(Duration::from_nanos(spent)))
        }
        None => Ok(None),
    }
}
