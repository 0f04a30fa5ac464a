//! Which control group hierarchies this process can make groups in, and for which limits.
//! It is a snapshot that changes nothing; what is not to be had is listed with the reason.

use std::path::{Path, PathBuf};

use nix::unistd::AccessFlags;
use serde::{Deserialize, Serialize};

use super::layout;
use super::mount::{self, Membership, Mount};

/// The controllers that are used, in the order of reports.
const CONTROLLERS: [&str; 5] = ["memory", "cpu", "pids", "cpuacct", "freezer"];

/// A version of the kernel's control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum GroupVersion {
    /// One hierarchy per controller.
    #[serde(rename = "cgroup-v1")]
    V1,
    /// The unified hierarchy.
    #[serde(rename = "cgroup-v2")]
    V2,
}

impl GroupVersion {
    /// The name, as reports spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "cgroup-v1",
            Self::V2 => "cgroup-v2",
        }
    }
}

/// A hierarchy in which groups can be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Hierarchy {
    /// Its version.
    pub version: GroupVersion,
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The group that is shown there.
    pub root: String,
    /// The group in which new ones are made.
    pub base: String,
    /// What can be limited or counted in them.
    pub controllers: Vec<String>,
}

impl Hierarchy {
    /// The directory of a group; `None` when the mount does not show it.
    pub(super) fn directory(&self, group: &str) -> Option<PathBuf> {
        mount::directory(&self.mount, &self.root, group)
    }

    pub(super) fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

/// A controller that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AbsentController {
    /// Its name; `cgroup-v2` for all of the unified hierarchy.
    pub controller: String,
    /// Why, in words a user can act on.
    pub reason: String,
}

/// What this process can do with control groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GroupHost {
    /// Where groups can be made; each controller in at most one.
    pub hierarchies: Vec<Hierarchy>,
    /// What cannot be used.
    pub absent: Vec<AbsentController>,
}

impl GroupHost {
    /// Looks at the calling process's own groups. It never fails: without rights there is nothing, with reasons.
    pub fn discover() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
        match (read("/proc/self/mountinfo"), read("/proc/self/cgroup")) {
            (Ok(mountinfo), Ok(membership)) => Self::read(&mountinfo, &membership),
            (Err(reason), _) | (_, Err(reason)) => {
                let absent = ["cgroup-v2"].iter().chain(&CONTROLLERS);
                Self { hierarchies: Vec::new(), absent: absent.map(|name| lacks(name, &reason)).collect() }
            }
        }
    }

    /// The same from the two texts; the directories they name are looked at.
    pub(super) fn read(mountinfo: &str, membership: &str) -> Self {
        let mounts = mount::mounts(mountinfo);
        let mut host = Self::default();
        for membership in mount::memberships(membership) {
            if membership.controllers.is_empty() {
                host.add_unified(&mounts, &membership);
            } else {
                host.add_first_version(&mounts, &membership);
            }
        }
        host
    }

    /// The hierarchy that has a controller.
    pub(super) fn holder(&self, controller: &str) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.has(controller))
    }

    /// The unified hierarchy, with or without controllers.
    pub(super) fn unified(&self) -> Option<&Hierarchy> {
        self.hierarchies.iter().find(|hierarchy| hierarchy.version == GroupVersion::V2)
    }

    /// Why nothing has the controller.
    pub(super) fn reason(&self, controller: &str) -> String {
        let told = |name: &str| self.absent.iter().find(|absent| absent.controller == name);
        told(controller).or_else(|| told("cgroup-v2")).map_or_else(
            || format!("no control group hierarchy that is mounted has the `{controller}` controller"),
            |absent| absent.reason.clone(),
        )
    }

    fn add_first_version(&mut self, mounts: &[Mount], own: &Membership) {
        let used: Vec<&String> =
            own.controllers.iter().filter(|name| CONTROLLERS.contains(&name.as_str())).collect();
        let Some(first) = used.first() else { return };
        let shown = mounts
            .iter()
            .filter(|mount| !mount.unified && mount.has(first))
            .find_map(|mount| Some((mount, mount::directory(&mount.at, &mount.root, &own.group)?)));
        let usable = match &shown {
            Some((_, directory)) => writable(directory),
            None => Err(format!("the hierarchy with the `{first}` controller is not mounted")),
        };
        match (usable, shown) {
            (Ok(()), Some((mount, _))) => self.hierarchies.push(Hierarchy {
                version: GroupVersion::V1,
                mount: mount.at.clone(),
                root: mount.root.clone(),
                base: own.group.clone(),
                controllers: used.into_iter().cloned().collect(),
            }),
            (Err(reason), _) => self.absent.extend(used.into_iter().map(|name| lacks(name, &reason))),
            (Ok(()), None) => {}
        }
    }

    fn add_unified(&mut self, mounts: &[Mount], own: &Membership) {
        let shown = mounts.iter().filter(|mount| mount.unified).find_map(|mount| {
            mount::directory(&mount.at, &mount.root, &own.group).map(|directory| (mount, directory))
        });
        let Some((mount, directory)) = shown else {
            self.absent.push(lacks("cgroup-v2", "the unified hierarchy is not mounted"));
            return;
        };
        match layout::choose(&directory, &own.group, own.group != mount.root) {
            Ok(layout) => {
                self.absent.extend(layout.without.map(|reason| lacks("cgroup-v2", &reason)));
                self.hierarchies.push(Hierarchy {
                    version: GroupVersion::V2,
                    mount: mount.at.clone(),
                    root: mount.root.clone(),
                    base: layout.base,
                    controllers: layout.controllers,
                });
            }
            Err(reason) => self.absent.push(lacks("cgroup-v2", &reason)),
        }
    }
}

fn lacks(controller: &str, reason: &str) -> AbsentController {
    AbsentController { controller: controller.to_owned(), reason: reason.to_owned() }
}

/// Whether groups can be made in a directory, by the rights that count for it.
pub(super) fn writable(path: &Path) -> Result<(), String> {
    nix::unistd::eaccess(path, AccessFlags::W_OK)
        .map_err(|errno| format!("`{}` cannot be written: {}", path.display(), errno.desc()))
}
