//! Turns the cloned child into the init of a worker's namespaces: identity, tie to the parent, root, name.
//! It runs once, in process 1 of the namespace; an error means that this process has to end.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::identity_map::IdentityMap;
use super::link::ChildLink;
use super::namespace_plan::NamespacePlan;
use super::root::{self, Sources};
use super::step::{NamespaceFault, NamespaceStep, at};
use super::sys;
use super::view::{UserNamespaces, Witness};
use crate::sys::errno_of;

/// A finished root.
#[derive(Debug)]
pub(crate) struct Entered {
    /// The top of each workspace, in the plan's order. Whoever holds one reads the files even after every process
    /// of the worker is gone; a workspace in memory is freed when the last holder closes it.
    pub(crate) workspaces: Vec<(PathBuf, OwnedFd)>,
    /// What [`super::NamespaceView::observe`] cannot find out from inside.
    pub(crate) witness: Witness,
}

/// Becomes user 0 of the own namespaces, with a root of nothing but the plan, killed when the spawner ends.
///
/// The caller keeps `link` until it has reported a failure: its end tells the parent that the child is gone.
/// All capabilities over the own namespaces are still held afterwards: the caller gives them up.
///
/// # Errors
/// The first step the kernel refused. Nothing is best effort: a process for which this fails must end.
pub(crate) fn enter(plan: &NamespacePlan, link: &ChildLink) -> Result<Entered, NamespaceFault> {
    link.wait_until_mapped()?;
    // Still as the host's user, who may pass through directories that nobody else may.
    let sources = Sources::open(plan)?;
    become_mapped(link.map)?;
    link.tie_to_parent()?;
    prctl::set_dumpable(false).map_err(at(NamespaceStep::Untraceable))?;
    // Before the change of root: the file is not in the new one.
    let user_namespaces = close_user_namespaces()?;
    let workspaces = root::build(plan, sources)?;
    sys::set_host_name(&plan.hostname).map_err(at(NamespaceStep::HostName))?;
    Ok(Entered { workspaces, witness: Witness { outside: link.outside.clone(), user_namespaces } })
}

fn become_mapped(map: IdentityMap) -> Result<(), NamespaceFault> {
    let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(group, group, group).map_err(at(NamespaceStep::Identity))?;
    // A host without privileges had to forbid this to be allowed to map a group; its own groups stay.
    if matches!(map, IdentityMap::Own { .. }) {
        setgroups(&[]).map_err(at(NamespaceStep::Groups))?;
    }
    setresuid(user, user, user).map_err(at(NamespaceStep::Identity))
}

/// Sets the number of user namespaces below this one to none, and reads it back.
fn close_user_namespaces() -> Result<UserNamespaces, NamespaceFault> {
    const LIMIT: &str = "/proc/sys/user/max_user_namespaces";
    let fault = |errno| NamespaceFault::new(NamespaceStep::CloseUserNamespaces, errno);
    let set = std::fs::write(LIMIT, "0").and_then(|()| std::fs::read_to_string(LIMIT));
    match set {
        Ok(limit) if limit.trim() == "0" => Ok(UserNamespaces::Closed),
        Ok(_) => Err(fault(Errno::EPROTO)),
        Err(error) => match errno_of(&error) {
            // Containers commonly have no or a read-only `/proc/sys`; the filter of system calls forbids it too.
            errno @ (Errno::EROFS | Errno::EACCES | Errno::EPERM | Errno::ENOENT) => {
                Ok(UserNamespaces::Open { errno: errno as i32 })
            }
            errno => Err(fault(errno)),
        },
    }
}
