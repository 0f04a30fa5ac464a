//! A group and its whole life: made, limited, joined by a child, killed, removed. It has one owner, the process that made it.
//! Others get its place, which cannot end it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::{Pid, getpid};

use super::control_file::{read, write};
use super::fault::{GroupFault, GroupStep, at};
use super::group_plan::GroupPlan;
use super::host::{GroupHost, GroupVersion, Hierarchy};
use super::limit;
use super::mount;
use super::name::Maker;
use super::place::{GroupDirectory, GroupPlace};
use super::{kill, removal};
use crate::sys::errno_of;

/// How many names are tried. Each is new to this process, so a taken one can only be a leftover that nobody swept.
const NAMES: u32 = 1000;

/// A control group that this process made.
#[derive(Debug)]
pub struct Group {
    place: GroupPlace,
    /// A forked child has a copy of this value and must not end the group with it.
    maker: Pid,
    killed: bool,
    removed: bool,
}

impl Group {
    /// Makes a group that holds what is planned; nobody is in it. What was made is removed again when a step fails.
    ///
    /// # Errors
    /// The first step that failed; no limit is left out.
    pub fn create(plan: &GroupPlan, host: &GroupHost) -> Result<Self, GroupFault> {
        let needed = plan.hierarchies(host).ok_or_else(|| at(GroupStep::Find)(Errno::ENODEV))?;
        for (hierarchy, controllers) in &needed {
            if hierarchy.version == GroupVersion::V2 && !controllers.is_empty() {
                enable(hierarchy, controllers)?;
            }
        }
        let group = Self::make(&needed, plan)?;
        for (kind, held) in plan.limits() {
            let directory =
                group.place.with(kind.controller()).ok_or_else(|| at(GroupStep::Find)(Errno::ENODEV))?;
            limit::set(&directory.path, directory.version, kind, held.value)?;
        }
        Ok(group)
    }

    fn make(needed: &[(&Hierarchy, Vec<&'static str>)], plan: &GroupPlan) -> Result<Self, GroupFault> {
        let maker = Maker::current().map_err(at(GroupStep::Name))?;
        let mut group = Self {
            place: GroupPlace {
                name: String::new(),
                directories: Vec::new(),
                cpu_millicores: plan.cpu_millicores.map(|held| held.value),
            },
            maker: getpid(),
            killed: false,
            removed: false,
        };
        for _ in 0..NAMES {
            group.place.name = maker.next_name();
            match group.make_directories(needed) {
                Err(Errno::EEXIST) => {
                    removal::remove(&group.place).map_err(at(GroupStep::Create))?;
                    group.place.directories.clear();
                }
                made => return made.map(|()| group).map_err(at(GroupStep::Create)),
            }
        }
        Err(at(GroupStep::Create)(Errno::EEXIST))
    }

    /// Makes the directories of one name and notes each that was made, so that they can be removed.
    fn make_directories(&mut self, needed: &[(&Hierarchy, Vec<&'static str>)]) -> Result<(), Errno> {
        for (hierarchy, controllers) in needed {
            let group = mount::child(&hierarchy.base, &self.place.name);
            let path = hierarchy.directory(&group).ok_or(Errno::ENODEV)?;
            make_directory(&path)?;
            let controllers = controllers.iter().map(|name| (*name).to_owned()).collect();
            self.place.directories.push(GroupDirectory {
                version: hierarchy.version,
                controllers,
                group,
                path,
            });
        }
        Ok(())
    }

    /// Where the group is, for whoever reads or throttles it.
    pub const fn place(&self) -> &GroupPlace {
        &self.place
    }

    /// Moves the calling process into the group. A single-threaded child does this before it becomes the worker.
    ///
    /// # Errors
    /// `EOWNERDEAD` for a group that was killed: newborns in it are killed by the kernel, so it is never used again.
    pub fn join(&self) -> Result<(), GroupFault> {
        if self.killed {
            return Err(at(GroupStep::Join)(Errno::EOWNERDEAD));
        }
        self.place.join()
    }

    /// Kills everything in the group, for good. Counters are read before: the last resort changes the limit of processes.
    /// A child that has not joined yet is not in it; its owner kills it by descriptor.
    ///
    /// # Errors
    /// What the kernel says; the group counts as killed all the same.
    pub fn kill(&mut self) -> Result<(), GroupFault> {
        self.killed = true;
        kill::kill(&self.place).map_err(at(GroupStep::Kill))
    }

    /// Removes the group, and waits at most `patience` for its dead to be gone. It may be tried again.
    ///
    /// # Errors
    /// `EBUSY` when somebody is still in it.
    pub fn remove(&mut self, patience: Duration) -> Result<(), GroupFault> {
        let deadline = Instant::now() + patience;
        while let Err(errno) = removal::remove(&self.place) {
            if !removal::may_pass(errno) || Instant::now() >= deadline {
                return Err(at(GroupStep::Remove)(errno));
            }
            if self.killed {
                // Whoever came in after the kill goes the same way.
                kill::kill_without_waiting(&self.place).map_err(at(GroupStep::Kill))?;
            }
            kill::await_change(&self.place);
        }
        self.removed = true;
        Ok(())
    }
}

impl Drop for Group {
    /// Best effort, without waiting: what stays is found by the sweep of the next start.
    fn drop(&mut self) {
        if !self.removed && getpid() == self.maker {
            // Nobody is there to be told; a failure shows as a directory that stays.
            let _killed = kill::kill_without_waiting(&self.place);
            let _removed = removal::remove(&self.place);
        }
    }
}

/// Makes sure that `controllers` are handed down to groups made in the base.
fn enable(hierarchy: &Hierarchy, controllers: &[&str]) -> Result<(), GroupFault> {
    let base = hierarchy.directory(&hierarchy.base).ok_or_else(|| at(GroupStep::Find)(Errno::ENODEV))?;
    let control = base.join("cgroup.subtree_control");
    let enabled = read(&control).map_err(at(GroupStep::Enable))?;
    for name in controllers {
        if !enabled.split_whitespace().any(|known| known == *name) {
            write(&control, &format!("+{name}")).map_err(at(GroupStep::Enable))?;
        }
    }
    Ok(())
}

fn make_directory(path: &Path) -> Result<(), Errno> {
    /// Whoever may look at groups may look at this one; the worker's user may not write it.
    const MODE: u32 = 0o755;
    DirBuilder::new().mode(MODE).create(path).map_err(|error| errno_of(&error))
}
