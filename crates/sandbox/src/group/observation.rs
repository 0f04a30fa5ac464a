//! What a process reads back about its own groups, for the receipt, and how that compares with the plan.
//! The limits are read where the kernel says that the process is, not where it was sent.

use std::path::PathBuf;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::fault::{GroupFault, GroupStep, at};
use super::group_plan::GroupPlan;
use super::host::{GroupHost, GroupVersion, Hierarchy};
use super::limit::{self, LimitKind};
use super::mount;
use super::place::GroupPlace;
use crate::sys::errno_of;

/// The groups and limits of one process, read by itself.
///
/// It is read after joining and before anything closes `/proc` or the hierarchies, and before the process gets a control
/// group namespace: inside one, the kernel spells every group from the namespace's own root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GroupObservation {
    /// The group by controller, sorted; `cgroup-v2` for the unified hierarchy.
    pub groups: Vec<(String, String)>,
    /// Bytes of memory, with swap where it is counted; `None` when no limit can be read there.
    pub memory: Option<u64>,
    /// Thousandths of a core.
    pub cpu_millicores: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
}

/// One line of the comparison; it holds when both texts are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupCheck {
    /// Which mechanism.
    pub mechanism: String,
    /// What the plan says.
    pub planned: String,
    /// What the process found.
    pub observed: String,
}

impl GroupObservation {
    /// Reads the groups of the calling process and the limits on them.
    ///
    /// # Errors
    /// When `/proc/self/cgroup` or a limit that exists cannot be read.
    pub fn observe(host: &GroupHost) -> Result<Self, GroupFault> {
        let text = std::fs::read_to_string("/proc/self/cgroup").map_err(|error| errno_of(&error));
        text.and_then(|text| Self::read(host, &text)).map_err(at(GroupStep::Observe))
    }

    fn read(host: &GroupHost, membership: &str) -> Result<Self, Errno> {
        let mut found = Self::default();
        for own in mount::memberships(membership) {
            let names = if own.controllers.is_empty() {
                vec![GroupVersion::V2.as_str().to_owned()]
            } else {
                own.controllers
            };
            found.groups.extend(names.into_iter().map(|name| (name, own.group.clone())));
        }
        found.groups.sort_unstable();
        found.memory = found.limit(host, LimitKind::Memory)?;
        found.cpu_millicores = found.limit(host, LimitKind::Cpu)?;
        found.processes = found.limit(host, LimitKind::Processes)?;
        Ok(found)
    }

    fn limit(&self, host: &GroupHost, kind: LimitKind) -> Result<Option<u64>, Errno> {
        let Some(hierarchy) = host.holder(kind.controller()) else { return Ok(None) };
        let Some(directory) = self.directory(hierarchy, kind) else { return Ok(None) };
        match limit::read(&directory, hierarchy.version, kind) {
            Ok(value) => Ok(Some(value)),
            // The root of a hierarchy has no limits, and no files for them.
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn directory(&self, hierarchy: &Hierarchy, kind: LimitKind) -> Option<PathBuf> {
        let name = match hierarchy.version {
            GroupVersion::V1 => kind.controller(),
            GroupVersion::V2 => GroupVersion::V2.as_str(),
        };
        hierarchy.directory(self.group(name)?)
    }

    fn group(&self, name: &str) -> Option<&str> {
        self.groups.iter().find(|(known, _)| known == name).map(|(_, group)| group.as_str())
    }

    /// Compares with what was planned: membership in every hierarchy, then every limit.
    pub fn checks(&self, plan: &GroupPlan, place: &GroupPlace) -> Vec<GroupCheck> {
        let unknown = || "not reported".to_owned();
        let mut checks = Vec::new();
        for directory in &place.directories {
            let names: Vec<&str> = match directory.version {
                GroupVersion::V1 => directory.controllers.iter().map(String::as_str).collect(),
                GroupVersion::V2 => vec![GroupVersion::V2.as_str()],
            };
            checks.extend(names.into_iter().map(|name| GroupCheck {
                mechanism: format!("control-group-of-{name}"),
                planned: directory.group.clone(),
                observed: self.group(name).map_or_else(unknown, str::to_owned),
            }));
        }
        for (kind, held) in plan.limits() {
            let observed = match kind {
                LimitKind::Memory => self.memory,
                LimitKind::Cpu => self.cpu_millicores,
                LimitKind::Processes => self.processes,
            };
            let text = |value| format!("{}, {}", held.mechanism(), kind.in_words(value));
            let is_placed = place.with(kind.controller()).is_some();
            checks.push(GroupCheck {
                mechanism: kind.mechanism().to_owned(),
                planned: text(limit::in_force(kind, held.value)),
                // A limit that is read in a group which was not made for it holds others too.
                observed: observed.filter(|_| is_placed).map_or_else(unknown, text),
            });
        }
        checks
    }
}

impl GroupCheck {
    /// Whether what was planned is what was found.
    pub fn holds(&self) -> bool {
        self.planned == self.observed
    }
}
