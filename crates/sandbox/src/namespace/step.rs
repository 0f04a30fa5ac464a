//! The steps of making namespaces and a root, and the fault that names one.
//! A fault is final: the process it happened in must end.

use std::fmt;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// The step that failed; it reads after "failed to".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub(crate) enum NamespaceStep {
    /// Reading which namespaces the spawner is in.
    OwnNamespaces,
    /// Making the sockets of the handshake.
    Link,
    /// Making the child in its namespaces.
    Clone,
    /// Writing a map of the child.
    IdentityMap {
        /// `setgroups`, `uid_map` or `gid_map`.
        file: String,
    },
    /// Waiting for the other side of the handshake.
    Handshake,
    /// Becoming the mapped user and group.
    Identity,
    /// Leaving the groups of the host's user.
    Groups,
    /// Asking to be killed with the spawner.
    DeathSignal,
    /// Becoming untraceable.
    Untraceable,
    /// Forbidding further user namespaces.
    CloseUserNamespaces,
    /// Detaching mounts from the host's.
    Private,
    /// Cloning what is at a path of the host.
    CloneTree {
        /// The path.
        path: String,
    },
    /// Setting flags of a mount.
    MountFlags {
        /// Where it will be.
        path: String,
    },
    /// Making a file system.
    FileSystem {
        /// Its type.
        kind: String,
    },
    /// Making or finding the place for a mount.
    MountPoint {
        /// The path in the new root.
        path: String,
    },
    /// Putting a mount in its place.
    Attach {
        /// The path in the new root.
        path: String,
    },
    /// Making the new root the root.
    Pivot,
    /// Taking the host's root away.
    DetachOldRoot,
    /// Setting the host name.
    HostName,
    /// Blocking signals and opening their descriptor.
    Signals,
    /// Closing descriptors that init does not need.
    Descriptors,
    /// Forking the worker.
    Fork,
    /// Reading the finished state back.
    Observe {
        /// Which fact.
        what: String,
    },
}

impl fmt::Display for NamespaceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnNamespaces => f.write_str("read the spawner's namespaces"),
            Self::Link => f.write_str("make the sockets of the handshake"),
            Self::Clone => f.write_str("make the namespaces (clone3, Linux 5.3)"),
            Self::IdentityMap { file } => write!(f, "write `{file}` of the child"),
            Self::Handshake => f.write_str("hear from the other side of the handshake"),
            Self::Identity => f.write_str("become the mapped user and group"),
            Self::Groups => f.write_str("leave the groups of the host's user"),
            Self::DeathSignal => f.write_str("arm the parent-death signal"),
            Self::Untraceable => f.write_str("become untraceable"),
            Self::CloseUserNamespaces => f.write_str("forbid further user namespaces"),
            Self::Private => f.write_str("make mounts private (mount_setattr, Linux 5.12)"),
            Self::CloneTree { path } => write!(f, "clone the mount at `{}` (open_tree)", path.escape_debug()),
            Self::MountFlags { path } => {
                write!(f, "set mount flags for `{}` (mount_setattr, Linux 5.12)", path.escape_debug())
            }
            Self::FileSystem { kind } => write!(f, "make a {kind} file system (fsopen, Linux 5.2)"),
            Self::MountPoint { path } => write!(f, "make the mount point `{}`", path.escape_debug()),
            Self::Attach { path } => write!(f, "mount `{}` (move_mount)", path.escape_debug()),
            Self::Pivot => f.write_str("change the root (pivot_root)"),
            Self::DetachOldRoot => f.write_str("detach the host's root"),
            Self::HostName => f.write_str("set the host name"),
            Self::Signals => f.write_str("prepare init's signals"),
            Self::Descriptors => f.write_str("close init's descriptors"),
            Self::Fork => f.write_str("fork the worker"),
            Self::Observe { what } => write!(f, "read own {what}"),
        }
    }
}

/// A step that the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("could not {step} (errno {errno})")]
pub(crate) struct NamespaceFault {
    /// What was being done.
    pub(crate) step: NamespaceStep,
    /// The kernel's answer.
    pub(crate) errno: i32,
}

impl NamespaceFault {
    pub(super) const fn new(step: NamespaceStep, errno: Errno) -> Self {
        Self { step, errno: errno as i32 }
    }
}

/// Gives the step to an error number.
pub(super) fn at(step: NamespaceStep) -> impl FnOnce(Errno) -> NamespaceFault {
    move |errno| NamespaceFault::new(step, errno)
}
