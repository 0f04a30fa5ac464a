//! The kinds of namespaces a worker gets of its own, and their identity numbers.
//! All are required: there is no plan with fewer.

use std::path::Path;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::sys::errno_of;

/// One kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NamespaceKind {
    /// Users, groups and capabilities.
    User,
    /// Process numbers; its init's death ends every process in it.
    Process,
    /// Mounts.
    Mount,
    /// Network interfaces, ports and abstract sockets.
    Network,
    /// System V and POSIX message queues, semaphores and shared memory.
    Ipc,
    /// Host name.
    Uts,
    /// The visible root of the control groups.
    Cgroup,
}

impl NamespaceKind {
    /// Every kind that is made.
    pub(crate) const ALL: [Self; 7] =
        [Self::User, Self::Process, Self::Mount, Self::Network, Self::Ipc, Self::Uts, Self::Cgroup];

    /// The kernel's name, as under `/proc/self/ns`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Process => "pid",
            Self::Mount => "mnt",
            Self::Network => "net",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Cgroup => "cgroup",
        }
    }

    pub(super) const fn flag(self) -> libc::c_int {
        match self {
            Self::User => libc::CLONE_NEWUSER,
            Self::Process => libc::CLONE_NEWPID,
            Self::Mount => libc::CLONE_NEWNS,
            Self::Network => libc::CLONE_NEWNET,
            Self::Ipc => libc::CLONE_NEWIPC,
            Self::Uts => libc::CLONE_NEWUTS,
            Self::Cgroup => libc::CLONE_NEWCGROUP,
        }
    }

    /// The text that identifies this process's namespace of the kind, such as `net:[4026531840]`.
    pub(super) fn own(self) -> Result<String, Errno> {
        std::fs::read_link(Path::new("/proc/self/ns").join(self.as_str()))
            .map(|link| link.to_string_lossy().into_owned())
            .map_err(|error| errno_of(&error))
    }

    /// The namespaces of this process, in the order of [`NamespaceKind::ALL`].
    pub(super) fn all_own() -> Result<Vec<String>, Errno> {
        Self::ALL.into_iter().map(Self::own).collect()
    }
}
