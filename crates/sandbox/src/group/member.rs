//! One process of a group, held by descriptor so that a signal cannot reach another that got its number.
//! It does not know which group the process is in.

use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;

use crate::sys;

/// A process, dead or alive, but always the same.
#[derive(Debug)]
pub(super) struct Member(OwnedFd);

impl Member {
    /// Takes hold of the process that has the number now.
    pub(super) fn open(pid: i32) -> Result<Self, Errno> {
        #[expect(unsafe_code, reason = "pidfd_open has no safe wrapper")]
        // SAFETY: the call takes two integers.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = RawFd::try_from(Errno::result(result)?).map_err(|_too_large| Errno::ERANGE)?;
        Ok(Self(sys::own_inherited(descriptor)))
    }

    /// Kills it; one that ended already is as good.
    pub(super) fn kill(&self) -> Result<(), Errno> {
        #[expect(unsafe_code, reason = "pidfd_send_signal has no safe wrapper")]
        // SAFETY: the descriptor is open and owned, the information is null, the rest are integers.
        let result = unsafe {
            let nothing = std::ptr::null::<libc::siginfo_t>();
            libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), libc::SIGKILL, nothing, 0)
        };
        match Errno::result(result) {
            Ok(_) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}
