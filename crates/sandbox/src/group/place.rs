//! Where a group is: its directory in each hierarchy it needs. It is what the host gets to know of a group that the spawner owns.
//! Reading and throttling go through it; making, killing and removing belong to the owner.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::control_file::{keyed, number, read, write};
use super::fault::{GroupFault, GroupStep, at};
use super::host::GroupVersion;
use super::limit::{self, LimitKind, Share};
use super::removal;
use super::usage::GroupUsage;

/// The group's directory in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GroupDirectory {
    /// The version of the hierarchy.
    pub version: GroupVersion,
    /// What it limits or counts there.
    pub controllers: Vec<String>,
    /// The group, as `/proc/<pid>/cgroup` spells it.
    pub group: String,
    /// The directory.
    pub path: PathBuf,
}

/// A group in all its hierarchies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GroupPlace {
    /// Its name, the same in every hierarchy.
    pub name: String,
    /// Its directories.
    pub directories: Vec<GroupDirectory>,
    /// The planned share of processor time, to which [`GroupPlace::restore`] returns.
    pub cpu_millicores: Option<u64>,
}

impl GroupPlace {
    /// The directory that holds a controller.
    pub(super) fn with(&self, controller: &str) -> Option<&GroupDirectory> {
        self.directories.iter().find(|directory| directory.controllers.iter().any(|name| name == controller))
    }

    /// The directory in the unified hierarchy.
    pub(super) fn unified(&self) -> Option<&GroupDirectory> {
        self.directories.iter().find(|directory| directory.version == GroupVersion::V2)
    }

    /// Moves the calling process into the group, in every hierarchy.
    pub(super) fn join(&self) -> Result<(), GroupFault> {
        for directory in &self.directories {
            // Zero is the writer itself, whatever its number is in the pid namespace of the mount.
            write(&directory.path.join("cgroup.procs"), "0").map_err(at(GroupStep::Join))?;
        }
        Ok(())
    }

    /// Who is in the group or in one below it, in any hierarchy, by the numbers of the caller's pid namespace.
    ///
    /// # Errors
    /// When a list cannot be read. A directory that is gone has no members.
    pub fn members(&self) -> Result<Vec<i32>, GroupFault> {
        let mut found = BTreeSet::new();
        for directory in &self.directories {
            for group in removal::groups_below(&directory.path) {
                found.extend(listed(&group).map_err(at(GroupStep::Members))?);
            }
        }
        // Zero stands for processes of pid namespaces that the caller cannot see.
        found.remove(&0);
        Ok(found.into_iter().collect())
    }

    /// What the group used so far.
    ///
    /// # Errors
    /// When counters cannot be read, as from a group that is gone.
    pub fn usage(&self) -> Result<GroupUsage, GroupFault> {
        GroupUsage::read(self).map_err(at(GroupStep::Usage))
    }

    /// Gives the group a smaller share of processor time than planned.
    ///
    /// # Errors
    /// `EOPNOTSUPP` when the group holds no share; what the kernel says.
    pub fn throttle(&self, millicores: u64) -> Result<(), GroupFault> {
        let step = at(GroupStep::Limit(LimitKind::Cpu));
        let directory = self.with("cpu").ok_or_else(|| step(Errno::EOPNOTSUPP))?;
        limit::set_share(&directory.path, directory.version, Share::of(millicores)).map_err(step)
    }

    /// Gives the group its planned share of processor time again.
    ///
    /// # Errors
    /// As for [`GroupPlace::throttle`].
    pub fn restore(&self) -> Result<(), GroupFault> {
        match self.cpu_millicores {
            Some(planned) => self.throttle(planned),
            None => Err(at(GroupStep::Limit(LimitKind::Cpu))(Errno::EOPNOTSUPP)),
        }
    }

    /// How full the memory limit is, from 0 to 1, without file pages that the kernel can drop; `None` without a limit.
    ///
    /// # Errors
    /// When counters cannot be read, as from a group that is gone.
    pub fn memory_pressure(&self) -> Result<Option<f64>, GroupFault> {
        self.with("memory").map(pressure).transpose().map_err(at(GroupStep::Usage))
    }
}

fn pressure(directory: &GroupDirectory) -> Result<f64, Errno> {
    let (now, limit, inactive) = match directory.version {
        GroupVersion::V1 => ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"),
        GroupVersion::V2 => ("memory.current", "memory.max", "inactive_file"),
    };
    let now = number(&directory.path.join(now))?;
    let limit = number(&directory.path.join(limit))?.max(1);
    let droppable = keyed(&read(&directory.path.join("memory.stat"))?, inactive).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "a fraction for comparison with a threshold")]
    let fraction = now.saturating_sub(droppable) as f64 / limit as f64;
    Ok(fraction)
}

/// The processes listed in one directory.
fn listed(path: &Path) -> Result<Vec<i32>, Errno> {
    match read(&path.join("cgroup.procs")) {
        Ok(text) => text.lines().map(|line| line.parse().map_err(|_not_a_number| Errno::EBADMSG)).collect(),
        // Removed under us (`ENODEV` comes from a file that was open when its group went), or a threaded group inside, whose
        // processes are in the list of the group above it.
        Err(Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP) => Ok(Vec::new()),
        Err(errno) => Err(errno),
    }
}
