//! The text of `/proc/self/mountinfo` and `/proc/self/cgroup`, and how a group's path becomes a directory.
//! It opens nothing.

use std::path::{Path, PathBuf};

/// A mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where it is mounted.
    pub(super) at: PathBuf,
    /// The group that is shown there: `/`, or a deeper one in a container.
    pub(super) root: String,
    /// Whether it is the unified hierarchy.
    pub(super) unified: bool,
    /// The mount's options, controllers among them.
    options: Vec<String>,
}

impl Mount {
    pub(super) fn has(&self, controller: &str) -> bool {
        self.options.iter().any(|option| option == controller)
    }
}

/// In which group of one hierarchy a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    /// The controllers of the hierarchy; none for the unified one.
    pub(super) controllers: Vec<String>,
    /// The group.
    pub(super) group: String,
}

/// The control group mounts: `id parent dev root path options … - kind source super-options`.
pub(super) fn mounts(mountinfo: &str) -> Vec<Mount> {
    mountinfo.lines().filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    let (front, back) = line.split_once(" - ")?;
    let mut front = front.split(' ').skip(3);
    let mut back = back.split(' ');
    let (root, at) = (unescape(front.next()?), unescape(front.next()?));
    let kind = back.next()?;
    let options = back.nth(1)?.split(',').map(str::to_owned).collect();
    let unified = kind == "cgroup2";
    (unified || kind == "cgroup").then(|| Mount { at: at.into(), root, unified, options })
}

/// The lines `id:controllers:group`; hierarchies that have a name and no controller are left out.
pub(super) fn memberships(text: &str) -> Vec<Membership> {
    text.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, group) = (parts.next()?, parts.next()?);
            let controllers: Vec<String> =
                controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let named = controllers.iter().any(|name| name.starts_with("name="));
            (!named).then(|| Membership { controllers, group: group.to_owned() })
        })
        .collect()
}

/// The directory of `group` under a mount that shows `root`; `None` when the group is outside of what is shown.
pub(super) fn directory(at: &Path, root: &str, group: &str) -> Option<PathBuf> {
    // A group outside of the own control group namespace is spelled with `..`.
    if !group.starts_with('/') || group.split('/').any(|part| part == "..") {
        return None;
    }
    Path::new(group).strip_prefix(root).ok().map(|below| {
        // Joining an empty path would leave a slash at the end.
        if below.as_os_str().is_empty() { at.to_owned() } else { at.join(below) }
    })
}

/// The group `name` inside `group`.
pub(super) fn child(group: &str, name: &str) -> String {
    format!("{}/{name}", group.trim_end_matches('/'))
}

/// The kernel writes space, tab, line feed and backslash as three octal digits.
fn unescape(text: &str) -> String {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    escapes.iter().fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
25 1 0:22 / /proc rw,nosuid - proc proc rw
30 1 0:27 / /c/unified rw shared:9 - cgroup2 cgroup2 rw,nsdelegate
31 1 0:28 /box/1 /c/memory\\040here rw - cgroup cgroup rw,memory
32 1 0:29 / /c/cpu rw - cgroup cgroup rw,cpu,cpuacct
half a line
";

    #[test]
    fn control_group_mounts_are_found_with_root_place_and_options() {
        let found = mounts(MOUNTINFO);
        let short: Vec<_> =
            found.iter().map(|m| (m.at.to_str().unwrap(), m.root.as_str(), m.unified)).collect();
        assert_eq!(
            short,
            [("/c/unified", "/", true), ("/c/memory here", "/box/1", false), ("/c/cpu", "/", false)]
        );
        assert!(found[2].has("cpuacct") && !found[2].has("cpua"));
    }

    #[test]
    fn memberships_leave_named_hierarchies_out() {
        let found = memberships("9:name=systemd:/s\n4:cpu,cpuacct:/a:b\n0::/u\n");
        let short: Vec<_> = found.iter().map(|m| (m.controllers.len(), m.group.as_str())).collect();
        assert_eq!(short, [(2, "/a:b"), (0, "/u")]);
    }

    #[test]
    fn a_group_becomes_a_directory_only_where_the_mount_shows_it() {
        let check =
            |root, group| directory(Path::new("/c"), root, group).map(|path| path.display().to_string());
        assert_eq!(check("/", "/"), Some("/c".to_owned()));
        assert_eq!(check("/", "/a/b"), Some("/c/a/b".to_owned()));
        assert_eq!(check("/box", "/box/b"), Some("/c/b".to_owned()));
        assert_eq!(check("/box", "/boxer/b"), None);
        assert_eq!(check("/box", "/"), None);
        assert_eq!(check("/", "/../a"), None);
    }
}
