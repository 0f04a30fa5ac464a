//! What a worker finds of its namespaces and its root, and how that differs from the plan.
//! Everything in it is read from the kernel, in the worker, before its Landlock domain hides the root's listing.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::getpid;
use serde::{Deserialize, Serialize};

use super::identity_map::IdentityMap;
use super::kind::NamespaceKind;
use super::mount_plan::PlannedMount;
use super::mount_table::{MountView, parse};
use super::namespace_plan::{DEVICES, NamespacePlan};
use super::step::{NamespaceFault, NamespaceStep, at};
use crate::sys::errno_of;

/// The worker's number in its process namespace: its init is 1 and forks nobody else.
const WORKER: i32 = 2;

/// Whether processes inside could make user namespaces of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum UserNamespaces {
    /// The kernel refuses them.
    Closed,
    /// The limit could not be set here, so that only the filter of system calls refuses them.
    Open {
        /// Why.
        errno: i32,
    },
}

/// What cannot be found out from inside the root, handed from init to the worker by forking.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    pub(super) outside: Vec<String>,
    pub(super) user_namespaces: UserNamespaces,
}

/// The state of a worker's namespaces and root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamespaceView {
    /// The worker's number.
    pub(crate) pid: i32,
    /// The kernel's name of each namespace, in the order of [`NamespaceKind::ALL`].
    pub(crate) namespaces: Vec<String>,
    /// The kinds that the worker shares with the spawner.
    pub(crate) shared: Vec<NamespaceKind>,
    /// The lines of the user map, single spaces between numbers.
    pub(crate) uid_map: String,
    /// The lines of the group map.
    pub(crate) gid_map: String,
    /// Groups beside the own, by their numbers inside.
    pub(crate) groups: Vec<u32>,
    /// The host name.
    pub(crate) hostname: String,
    /// The names in the root, sorted.
    pub(crate) root_entries: Vec<String>,
    /// Every mount.
    pub(crate) mounts: Vec<MountView>,
    /// Whether user namespaces can be made.
    pub(crate) user_namespaces: UserNamespaces,
    /// Paths that were to be masked, are there, and are not.
    pub(crate) unmasked: Vec<PathBuf>,
}

/// A fact, as planned and as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamespaceDifference {
    /// Which fact.
    pub(crate) fact: &'static str,
    /// What the plan says.
    pub(crate) planned: String,
    /// What the worker found.
    pub(crate) observed: String,
}

impl NamespaceView {
    /// Reads the state of the calling process.
    ///
    /// # Errors
    /// When a fact cannot be read: a view is complete or there is none.
    pub(crate) fn observe(plan: &NamespacePlan, witness: &Witness) -> Result<Self, NamespaceFault> {
        let namespaces = NamespaceKind::all_own().map_err(at(observing("namespaces")))?;
        let pairs = NamespaceKind::ALL.into_iter().zip(namespaces.iter().zip(&witness.outside));
        let shared = pairs.filter(|(_, (own, outside))| own == outside).map(|(kind, _)| kind).collect();
        let mounts = parse(&text("mountinfo")?)
            .ok_or_else(|| NamespaceFault::new(observing("mountinfo"), Errno::EPROTO))?;
        let is_open = |path: &&PathBuf| {
            path.symlink_metadata().is_ok()
                && !mounts.iter().any(|mount| path.starts_with(&mount.path) && is_mask(mount))
        };
        let unmasked = plan.masked.iter().filter(is_open).cloned().collect();
        let hostname = nix::sys::utsname::uname().map_err(at(observing("host name")))?;
        Ok(Self {
            pid: getpid().as_raw(),
            namespaces,
            shared,
            uid_map: spaced(&text("uid_map")?),
            gid_map: spaced(&text("gid_map")?),
            groups: groups().map_err(at(observing("groups")))?,
            hostname: hostname.nodename().to_string_lossy().into_owned(),
            root_entries: root_entries().map_err(at(observing("root")))?,
            mounts,
            user_namespaces: witness.user_namespaces,
            unmasked,
        })
    }

    /// Every fact that is not as planned.
    pub(crate) fn differences(&self, plan: &NamespacePlan) -> Vec<NamespaceDifference> {
        let none = String::new;
        let facts = [
            ("worker-pid", WORKER.to_string(), self.pid.to_string()),
            ("namespaces-shared", none(), listed(self.shared.iter().map(|kind| kind.as_str()))),
            ("uid-map", planned_map(plan.identity_map, &self.uid_map), self.uid_map.clone()),
            ("gid-map", planned_map(plan.identity_map, &self.gid_map), self.gid_map.clone()),
            ("hostname", plan.hostname.clone(), self.hostname.clone()),
            ("root-unplanned", none(), listed(self.unplanned_entries(plan))),
            ("mounts-wrong", none(), listed(self.wrong_mounts(plan))),
            ("unmasked", none(), listed(self.unmasked.iter().map(|path| path.display()))),
        ];
        let groups = match plan.identity_map {
            IdentityMap::Own { .. } => listed(&self.groups),
            // They are the host's user's own, and cannot be left without privileges.
            IdentityMap::Caller => none(),
        };
        facts
            .into_iter()
            .chain([("groups", none(), groups)])
            .filter(|(_, planned, observed)| planned != observed)
            .map(|(fact, planned, observed)| NamespaceDifference { fact, planned, observed })
            .collect()
    }

    /// Names in the root that the plan does not have, and required ones that are missing.
    fn unplanned_entries(&self, plan: &NamespacePlan) -> Vec<String> {
        let planned = plan.root_entries();
        let unplanned = self.root_entries.iter().filter(|entry| !planned.contains(entry)).cloned();
        let missing =
            ["dev", "proc"].iter().filter(|name| !self.root_entries.iter().any(|entry| entry == *name));
        unplanned.chain(missing.map(|name| format!("no {name}"))).collect()
    }

    /// Mounts that are missing, weaker than planned, or neither planned nor part of a grant.
    fn wrong_mounts(&self, plan: &NamespacePlan) -> Vec<String> {
        let missing = plan.mounts.iter().filter(|planned| {
            !planned.is_optional() && !self.mounts.iter().any(|mount| mount.path == planned.target)
        });
        let missing = missing.map(|planned| format!("no {}", planned.target.display()));
        let wrong = self.mounts.iter().filter_map(|mount| {
            let why = flaw(mount, plan)?;
            Some(format!("{} {why}", mount.path.display()))
        });
        missing.chain(wrong).collect()
    }
}

/// What is wrong with a mount.
fn flaw(mount: &MountView, plan: &NamespacePlan) -> Option<&'static str> {
    let path = mount.path.as_path();
    if mount.shared {
        return Some("is shared");
    }
    if !mount.no_suid {
        return Some("lets set-user-id programs gain");
    }
    let device =
        path.strip_prefix("/dev").is_ok_and(|name| DEVICES.iter().any(|device| name == Path::new(device)));
    let nearest = nearest(plan, path);
    let known = path == Path::new("/") || path == Path::new("/proc") || device;
    if !known && nearest.is_none() {
        return Some("is not planned");
    }
    if !device && !mount.no_dev {
        return Some("has devices");
    }
    if !mount.no_exec && !nearest.is_some_and(PlannedMount::is_executable) {
        return Some("runs programs");
    }
    let may_change = path == Path::new("/proc") || nearest.is_some_and(PlannedMount::is_writable);
    (!mount.read_only && !may_change).then_some("can be changed")
}

/// The planned mount that is at the path or above it. What is mounted below a granted directory comes with it.
fn nearest<'a>(plan: &'a NamespacePlan, path: &Path) -> Option<&'a PlannedMount> {
    plan.mounts.iter().rev().find(|planned| path.starts_with(&planned.target))
}

/// Masks are kept in memory, and nothing of them runs or changes.
fn is_mask(mount: &MountView) -> bool {
    mount.kind == "tmpfs" && mount.read_only && mount.no_exec && mount.path != Path::new("/")
}

/// For the caller's own number, whatever it is, the map is right when it has one line with one number.
fn planned_map(map: IdentityMap, found: &str) -> String {
    match map {
        IdentityMap::Own { id } => map.line(id),
        IdentityMap::Caller => {
            let outside = found.split(' ').nth(1).and_then(|number| number.parse().ok());
            outside.map_or_else(|| "0 (host's user) 1".to_owned(), |outside| map.line(outside))
        }
    }
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn observing(what: &str) -> NamespaceStep {
    NamespaceStep::Observe { what: what.to_owned() }
}

fn text(file: &str) -> Result<String, NamespaceFault> {
    std::fs::read_to_string(format!("/proc/self/{file}"))
        .map_err(|error| NamespaceFault::new(observing(file), errno_of(&error)))
}

fn spaced(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}

fn groups() -> Result<Vec<u32>, Errno> {
    Ok(nix::unistd::getgroups()?.into_iter().map(nix::unistd::Gid::as_raw).collect())
}

fn root_entries() -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir("/").map_err(|error| errno_of(&error))? {
        let entry = entry.map_err(|error| errno_of(&error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}
