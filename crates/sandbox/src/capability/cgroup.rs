//! Which control groups are mounted, with which controllers, and whether this user may write there.
//! It creates no group: a planned driver tries that when it is needed.

use std::path::{Path, PathBuf};

use nix::unistd::AccessFlags;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CgroupMount {
    /// Where it is mounted.
    pub path: PathBuf,
    /// Its controllers, sorted.
    pub controllers: Vec<String>,
    /// Whether the group this process is in can be written by it; a hint that limits can be set there.
    pub writable: bool,
}

pub(super) struct Cgroups {
    pub(super) v1: Fact<Vec<CgroupMount>>,
    pub(super) v2: Fact<Option<CgroupMount>>,
}

pub(super) fn probe() -> Cgroups {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    match (read("/proc/self/mountinfo"), read("/proc/self/cgroup")) {
        (Ok(mounts), Ok(membership)) => Cgroups {
            v1: Fact::Known(version_1(&mounts, &membership)),
            v2: Fact::Known(version_2(&mounts, &membership)),
        },
        (Err(reason), _) | (_, Err(reason)) => {
            Cgroups { v1: Fact::Unknown(reason.clone()), v2: Fact::Unknown(reason) }
        }
    }
}

fn version_1(mounts: &str, membership: &str) -> Vec<CgroupMount> {
    parse_mounts(mounts)
        .filter(|mount| mount.kind == "cgroup")
        .map(|mount| {
            let mut controllers: Vec<String> =
                mount.options.split(',').filter(|option| !is_flag(option)).map(str::to_owned).collect();
            controllers.sort_unstable();
            let own = own_group(membership, |names| {
                names.split(',').any(|name| controllers.iter().any(|controller| controller == name))
            });
            CgroupMount { writable: writable(mount.path, own), path: mount.path.into(), controllers }
        })
        .filter(|mount| !mount.controllers.is_empty())
        .collect()
}

/// Options of a version 1 mount that name no controller.
fn is_flag(option: &str) -> bool {
    matches!(option, "rw" | "ro" | "xattr" | "noprefix" | "clone_children") || option.contains('=')
}

fn version_2(mounts: &str, membership: &str) -> Option<CgroupMount> {
    let mount = parse_mounts(mounts).find(|mount| mount.kind == "cgroup2")?;
    let own = own_group(membership, str::is_empty);
    let mut controllers: Vec<String> =
        std::fs::read_to_string(join(Path::new(mount.path), own).join("cgroup.controllers"))
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
    controllers.sort_unstable();
    Some(CgroupMount { writable: writable(mount.path, own), path: mount.path.into(), controllers })
}

struct Mount<'a> {
    path: &'a str,
    kind: &'a str,
    options: &'a str,
}

/// The lines of `/proc/<pid>/mountinfo`: `id parent dev root path options … - kind source super-options`.
fn parse_mounts(text: &str) -> impl Iterator<Item = Mount<'_>> {
    text.lines().filter_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let mut back = back.split(' ');
        Some(Mount { path: front.split(' ').nth(4)?, kind: back.next()?, options: back.nth(1)? })
    })
}

/// The path behind the line of `/proc/<pid>/cgroup` (`id:controllers:path`) whose controllers match.
fn own_group(membership: &str, matches: impl Fn(&str) -> bool) -> &str {
    membership
        .lines()
        .find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let controllers = parts.next()?;
            matches(controllers).then(|| parts.next()).flatten()
        })
        .unwrap_or("/")
}

fn join(mount: &Path, group: &str) -> PathBuf {
    mount.join(group.trim_start_matches('/'))
}

fn writable(mount: &str, group: &str) -> bool {
    nix::unistd::access(&join(Path::new(mount), group).join("cgroup.procs"), AccessFlags::W_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
25 1 0:22 / /proc rw,nosuid - proc proc rw
30 1 0:27 / /nowhere/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw,nsdelegate
31 1 0:28 / /nowhere/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
32 1 0:29 / /nowhere/cgroup/memory rw - cgroup cgroup rw,memory
33 1 0:30 / /nowhere/cgroup/cpu rw - cgroup cgroup rw,cpuacct,cpu
";
    const MEMBERSHIP: &str = "5:cpu,cpuacct:/a\n4:memory:/b/c\n1:name=systemd:/s\n0::/u\n";

    #[test]
    fn controllers_come_from_the_mount_options() {
        let found: Vec<_> =
            version_1(MOUNTS, MEMBERSHIP).into_iter().map(|mount| mount.controllers).collect();
        assert_eq!(found, [vec!["memory"], vec!["cpu", "cpuacct"]]);
    }

    #[test]
    fn own_group_is_found_by_controller_and_by_the_empty_name() {
        assert_eq!(own_group(MEMBERSHIP, |names| names.split(',').any(|name| name == "memory")), "/b/c");
        assert_eq!(own_group(MEMBERSHIP, str::is_empty), "/u");
        assert_eq!(own_group("", str::is_empty), "/");
    }

    #[test]
    fn a_missing_unified_mount_is_a_known_absence() {
        assert_eq!(version_2("25 1 0:22 / /proc rw - proc proc rw\n", MEMBERSHIP), None);
        let unified = version_2(MOUNTS, MEMBERSHIP).unwrap();
        assert!(!unified.writable && unified.controllers.is_empty());
    }
}
