//! Where in the unified hierarchy groups are made: below the host's own group, or beside it in a delegated parent.
//! It reads the files of both groups and writes none.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::control_file;
use super::host::writable;

/// The controllers that hold limits.
const LIMITS: [&str; 3] = ["memory", "cpu", "pids"];

/// Set by systemd on the top of a subtree that it handed over; the second is readable by root only.
const DELEGATED: [&std::ffi::CStr; 2] = [c"user.delegate", c"trusted.delegate"];

/// A place for groups.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The group in which they are made.
    pub(super) base: String,
    /// What can be limited there.
    pub(super) controllers: Vec<String>,
    /// Why nothing can, where that is so.
    pub(super) without: Option<String>,
}

/// Chooses a place. `directory` is that of the host's own `group`; `parent_is_shown` says whether its parent is in the mount.
pub(super) fn choose(directory: &Path, group: &str, parent_is_shown: bool) -> Result<Layout, String> {
    let below = |controllers, without| Layout { base: group.to_owned(), controllers, without };
    if is_root(directory) {
        // The root alone may hold processes and hand controllers down.
        writable(directory)?;
        let controllers = limits(directory, "cgroup.controllers");
        let without = controllers.is_empty().then(|| NO_CONTROLLER.to_owned());
        return Ok(below(controllers, without));
    }
    let beside = if parent_is_shown {
        beside(directory, group)
    } else {
        Err("the host's own group holds processes, so it cannot hand controllers down, and its parent is not visible here"
            .to_owned())
    };
    beside.or_else(|reason| {
        writable(directory)?;
        // Moving a process needs the right to write the list of the group that both have in common.
        writable(&directory.join("cgroup.procs"))?;
        // A group may not be made without controllers either inside a threaded one.
        let kind = control_file::read(&directory.join("cgroup.type")).unwrap_or_default();
        if kind == "threaded" {
            return Err("the host's own group is threaded".to_owned());
        }
        Ok(below(Vec::new(), Some(reason)))
    })
}

const NO_CONTROLLER: &str = "the unified hierarchy has no memory, cpu or pids controller";

/// Beside the host's own group, with controllers.
fn beside(directory: &Path, group: &str) -> Result<Layout, String> {
    if limits(directory, "cgroup.controllers").is_empty()
        && directory.parent().is_none_or(|parent| limits(parent, "cgroup.controllers").is_empty())
    {
        return Err(NO_CONTROLLER.to_owned());
    }
    let parent = directory.parent().ok_or("the host's own group has no parent")?;
    let base = group.rsplit_once('/').map_or("/", |(base, _)| if base.is_empty() { "/" } else { base });
    if !delegated(parent) {
        return Err(format!(
            "the host's own group holds processes, so it cannot hand controllers down, and `{}` above it is not delegated \
             to the host (systemd: Delegate=yes and DelegateSubgroup=)",
            parent.display()
        ));
    }
    for path in [parent.to_owned(), parent.join("cgroup.procs"), parent.join("cgroup.subtree_control")] {
        writable(&path)?;
    }
    let empty = control_file::read(&parent.join("cgroup.procs")).is_ok_and(|members| members.is_empty());
    // While it holds processes of its own it can only hand down what it already does.
    let file = if empty { "cgroup.controllers" } else { "cgroup.subtree_control" };
    let controllers = limits(parent, file);
    if controllers.is_empty() {
        return Err(format!("`{}` holds processes and hands no controller down", parent.display()));
    }
    Ok(Layout { base: base.to_owned(), controllers, without: None })
}

/// The kernel gives every group a type but the root of the hierarchy.
fn is_root(directory: &Path) -> bool {
    directory.join("cgroup.controllers").exists() && !directory.join("cgroup.type").exists()
}

fn limits(directory: &Path, file: &str) -> Vec<String> {
    let text = control_file::read(&directory.join(file)).unwrap_or_default();
    text.split_whitespace().filter(|name| LIMITS.contains(name)).map(str::to_owned).collect()
}

/// Root can write everything, so for root being able to is no sign of being meant to.
fn delegated(directory: &Path) -> bool {
    let user = nix::unistd::geteuid();
    let owned = std::fs::metadata(directory).is_ok_and(|data| data.uid() == user.as_raw());
    (owned && !user.is_root()) || DELEGATED.iter().any(|name| is_set(directory, name))
}

fn is_set(directory: &Path, name: &std::ffi::CStr) -> bool {
    attribute::read(directory, name).is_ok_and(|value| value == *b"1")
}

/// Extended attributes, which the standard library does not read.
mod attribute {
    use std::ffi::{CStr, CString};
    use std::os::unix::ffi::OsStrExt as _;
    use std::path::Path;

    use nix::errno::Errno;

    /// The value of an attribute of one byte; a longer one is an error.
    pub(super) fn read(path: &Path, name: &CStr) -> Result<[u8; 1], Errno> {
        let path = CString::new(path.as_os_str().as_bytes()).map_err(|_zero_byte| Errno::EINVAL)?;
        let mut value = [0_u8; 1];
        #[expect(unsafe_code, reason = "extended attributes have no safe wrapper")]
        // SAFETY: both names end with a zero byte, the buffer is as long as is said, and all live through the call.
        let length =
            unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
        match Errno::result(length)? {
            1 => Ok(value),
            _ => Err(Errno::ENODATA),
        }
    }
}
