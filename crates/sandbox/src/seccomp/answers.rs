//! How the kernel answers a process that is under a filter, found by trying: `/proc` tells that there is a filter, not which.
//! Each trial has arguments that no kernel accepts, so that nothing happens where no filter answers.

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::policy::{SocketRule, SyscallPolicy};

/// The error number of each trial; 0 where there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SyscallAnswers {
    /// Starting a process by flags in memory.
    pub clone3: i32,
    /// Leaving a name space.
    pub unshare: i32,
    /// Making a socket.
    pub socket: i32,
    /// Connecting one.
    pub connect: i32,
    /// Moving to another process group.
    pub process_group: i32,
    /// Changing a mode by path.
    pub mode: i32,
}

impl SyscallAnswers {
    /// Tries.
    pub fn observe() -> Self {
        // Flags of no meaning; no room for the structure; a protocol, a descriptor, a group and a path that cannot be.
        Self {
            clone3: answer(libc::SYS_clone3, [0, 0, 0]),
            unshare: answer(libc::SYS_unshare, [1, 0, 0]),
            socket: answer(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), -1]),
            connect: answer(libc::SYS_connect, [-1, 0, 0]),
            process_group: answer(libc::SYS_setpgid, [0, -1, 0]),
            mode: answer(libc::SYS_fchmodat, [libc::AT_FDCWD.into(), 0, 0]),
        }
    }

    /// Each trial with the number it should answer under a policy and the one it did.
    pub(crate) fn checks(self, policy: &SyscallPolicy) -> [(&'static str, i32, i32); 6] {
        let refused_if = |refused: bool, native: Errno| if refused { Errno::EPERM } else { native } as i32;
        let no_sockets = policy.sockets == SocketRule::None;
        [
            ("seccomp-clone3", Errno::ENOSYS as i32, self.clone3),
            ("seccomp-unshare", Errno::EPERM as i32, self.unshare),
            ("seccomp-socket", Errno::EAFNOSUPPORT as i32, self.socket),
            ("seccomp-connect", refused_if(no_sockets, Errno::EBADF), self.connect),
            ("seccomp-process-group", refused_if(policy.deny_session, Errno::EINVAL), self.process_group),
            ("seccomp-mode", refused_if(policy.deny_path_metadata, Errno::EFAULT), self.mode),
        ]
    }
}

fn answer(number: libc::c_long, arguments: [libc::c_long; 3]) -> i32 {
    let [first, second, third] = arguments;
    #[expect(unsafe_code, reason = "the calls are made with arguments that their wrappers do not take")]
    // SAFETY: every trial has an argument that the kernel refuses before it uses a pointer, and the pointers are null.
    let result = unsafe { libc::syscall(number, first, second, third) };
    Errno::result(result).map_or_else(|errno| errno as i32, |_done| 0)
}
