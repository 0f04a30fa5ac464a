//! The part of a sandbox plan that control groups hold, and what they cannot hold here.
//! It is pure data: no group exists because of it.

use std::fmt::Write as _;

use plugdock_contracts::limits::Limits;
use serde::{Deserialize, Serialize};

use super::host::{GroupHost, GroupVersion, Hierarchy};
use super::limit::LimitKind;

/// Memory beside the plugin's own that the kernel charges to a group: page tables, sockets, pipes, kernel stacks.
const KERNEL_SLACK: u64 = 16 << 20;

/// The largest page of the platforms (aarch64 with 64 KiB pages). The kernel keeps whole pages, so a limit in these steps
/// is read back exactly as it was written.
const MEMORY_STEP: u64 = 64 << 10;

/// A limit and the version that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HeldLimit {
    /// Bytes, thousandths of a core, or tasks.
    pub value: u64,
    /// Where it is held.
    pub version: GroupVersion,
}

impl HeldLimit {
    /// The mechanism's name, as reports spell it.
    pub const fn mechanism(&self) -> &'static str {
        self.version.as_str()
    }
}

/// A limit that was asked for and that no control group can hold here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotHeld {
    /// The name of the limit in the manifest.
    pub limit: &'static str,
    /// Why not.
    pub reason: String,
}

/// What a worker's control group holds and counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GroupPlan {
    /// Bytes of memory of the whole worker, files in memory included.
    pub memory: Option<HeldLimit>,
    /// Thousandths of a core.
    pub cpu_millicores: Option<HeldLimit>,
    /// Processes and threads.
    pub processes: Option<HeldLimit>,
    /// Which version counts processor time of the whole worker.
    pub accounting: Option<GroupVersion>,
    /// Which version stops the whole worker at once: `cgroup.kill`, or the freezer of the first version. Without either,
    /// its members are killed one by one until none is left.
    pub kill: Option<GroupVersion>,
}

impl GroupPlan {
    /// Plans what can be held. `memory_files` is what the worker may keep in file systems in memory: the kernel charges it
    /// to the same limit, and killing processes does not free it.
    pub fn compute(limits: &Limits, memory_files: u64, host: &GroupHost) -> (Self, Vec<NotHeld>) {
        let mut missed = Vec::new();
        let mut hold = |limit, asked: Option<u64>, controller| {
            let value = asked?;
            let Some(hierarchy) = host.holder(controller) else {
                missed.push(NotHeld { limit, reason: host.reason(controller) });
                return None;
            };
            Some(HeldLimit { value, version: hierarchy.version })
        };
        let plan = Self {
            memory: hold("memory", limits.memory.map(|size| memory(size.bytes(), memory_files)), "memory"),
            cpu_millicores: hold("cpu_millicores", limits.cpu_millicores.map(u64::from), "cpu"),
            processes: hold("processes", limits.processes.map(u64::from), "pids"),
            accounting: unified_or(host, "cpuacct"),
            kill: unified_or(host, "freezer"),
        };
        (plan, missed)
    }

    /// Whether there is nothing to make a group for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Each limit with its kind.
    pub fn limits(&self) -> impl Iterator<Item = (LimitKind, HeldLimit)> {
        [
            (LimitKind::Memory, self.memory),
            (LimitKind::Cpu, self.cpu_millicores),
            (LimitKind::Processes, self.processes),
        ]
        .into_iter()
        .filter_map(|(kind, held)| Some((kind, held?)))
    }

    /// Each limit in words, with what holds it.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let words = |(kind, held): (LimitKind, HeldLimit)| {
            format!("{}: {} ({})", kind.mechanism(), kind.in_words(held.value), held.mechanism())
        };
        self.limits().map(words).collect()
    }

    /// One line that is equal for plans that hold the same.
    pub(crate) fn identity(&self) -> String {
        let mut text = "group".to_owned();
        for (kind, held) in self.limits() {
            write!(text, ",{kind}={}@{}", held.value, held.mechanism())
                .expect("writing to a String cannot fail");
        }
        for (name, version) in [("accounting", self.accounting), ("kill", self.kill)] {
            let version = version.map_or("none", GroupVersion::as_str);
            write!(text, ",{name}={version}").expect("writing to a String cannot fail");
        }
        text
    }

    /// The hierarchies in which a group is needed, each with the controllers it is needed for; `None` when the host lacks
    /// one that the plan names.
    pub(super) fn hierarchies<'a>(
        &self,
        host: &'a GroupHost,
    ) -> Option<Vec<(&'a Hierarchy, Vec<&'static str>)>> {
        let mut needed: Vec<(&Hierarchy, Vec<&'static str>)> = Vec::new();
        let mut need = |version, controller: Option<&'static str>| {
            let found = host.hierarchies.iter().find(|hierarchy| {
                hierarchy.version == version && controller.is_none_or(|name| hierarchy.has(name))
            })?;
            match needed.iter_mut().find(|(known, _)| *known == found) {
                Some((_, controllers)) => controllers.extend(controller),
                None => needed.push((found, controller.into_iter().collect())),
            }
            Some(())
        };
        for (kind, held) in self.limits() {
            need(held.version, Some(kind.controller()))?;
        }
        for (version, controller) in [(self.accounting, "cpuacct"), (self.kill, "freezer")] {
            match version {
                Some(GroupVersion::V1) => need(GroupVersion::V1, Some(controller))?,
                Some(GroupVersion::V2) => need(GroupVersion::V2, None)?,
                None => {}
            }
        }
        Some(needed)
    }
}

fn memory(bytes: u64, files: u64) -> u64 {
    let sum = bytes.saturating_add(files).saturating_add(KERNEL_SLACK);
    sum.checked_next_multiple_of(MEMORY_STEP).unwrap_or(u64::MAX - u64::MAX % MEMORY_STEP)
}

fn unified_or(host: &GroupHost, controller: &str) -> Option<GroupVersion> {
    host.unified().or_else(|| host.holder(controller)).map(|hierarchy| hierarchy.version)
}
