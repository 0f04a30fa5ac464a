//! What a process inside a domain sees of its walls: found by trying, because the kernel tells nobody its rules.
//! Each trial is one that a domain with the required rights refuses, and that is harmless where none refuses it.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};
use nix::unistd::{Pid, getppid};
use serde::{Deserialize, Serialize};

/// The answer of each trial: the error number, or 0 where it was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walls {
    /// Listing the root directory.
    pub files: i32,
    /// Binding a TCP port that the kernel chooses.
    pub tcp: i32,
    /// Reaching the process that made this one with a signal that only asks whether it exists.
    pub signals: i32,
}

impl Walls {
    /// Tries. To be called before system calls are filtered, which would answer in the domain's place.
    pub(crate) fn observe() -> Self {
        Self { files: number(list_root()), tcp: number(bind_any()), signals: number(reach_parent()) }
    }

    /// Each wall with the number it should answer and the one it did.
    pub(crate) fn checks(self, root_is_open: bool) -> [(&'static str, i32, i32); 3] {
        let files = if root_is_open { 0 } else { Errno::EACCES as i32 };
        [
            ("landlock-files", files, self.files),
            ("landlock-tcp", Errno::EACCES as i32, self.tcp),
            ("landlock-signals", Errno::EPERM as i32, self.signals),
        ]
    }
}

fn number(result: Result<(), Errno>) -> i32 {
    result.map_or_else(|errno| errno as i32, |()| 0)
}

fn list_root() -> Result<(), Errno> {
    use nix::fcntl::{OFlag, open};
    use nix::sys::stat::Mode;
    open("/", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).map(drop)
}

fn bind_any() -> Result<(), Errno> {
    use std::os::fd::AsRawFd as _;
    let socket = match socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) {
        // A kernel without the family has no port to bind either.
        Err(Errno::EAFNOSUPPORT) => return Err(Errno::EACCES),
        made => made?,
    };
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))
}

fn reach_parent() -> Result<(), Errno> {
    let parent = getppid();
    // Outside its own process namespace the parent has no number here, and cannot be reached.
    if parent == Pid::from_raw(0) { Err(Errno::EPERM) } else { nix::sys::signal::kill(parent, None) }
}
