//! The choices a system call policy leaves, as plain data; everything else is the same for every worker.
//! It names no system call: `ruling` says what a choice means.

use serde::{Deserialize, Serialize};

/// Which sockets a worker may make. A pair of connected local sockets (stream or seqpacket) is always allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SocketRule {
    /// None: every family is answered as one the kernel does not have, and nothing is connected, bound or accepted.
    None,
    /// TCP over IPv4 and IPv6 and no other protocol, for workers whose network leads to a proxy only.
    Families,
}

/// Which system calls a worker may make.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SyscallPolicy {
    /// Which sockets it may make.
    pub sockets: SocketRule,
    /// Whether it is kept in its session and process group, so that killing the group reaches all of it.
    pub deny_session: bool,
    /// Whether mode, owner, times and extended attributes can be changed through a descriptor only: Landlock does not
    /// mediate the calls that take a path, so these would reach files no rule opens.
    pub deny_path_metadata: bool,
}

impl SyscallPolicy {
    /// For a worker that shares process numbers and files with the host.
    pub const fn restricted() -> Self {
        Self { sockets: SocketRule::None, deny_session: true, deny_path_metadata: true }
    }

    /// For a worker in its own namespaces, where ending its init ends every session and foreign files have no path.
    pub const fn untrusted() -> Self {
        Self { sockets: SocketRule::None, deny_session: false, deny_path_metadata: false }
    }

    /// One line that is equal for policies that allow the same.
    pub(crate) fn identity(&self) -> String {
        let sockets = match self.sockets {
            SocketRule::None => "none",
            SocketRule::Families => "families",
        };
        format!(
            "seccomp=sockets:{sockets},session:{},path-metadata:{}",
            u8::from(!self.deny_session),
            u8::from(!self.deny_path_metadata)
        )
    }
}
