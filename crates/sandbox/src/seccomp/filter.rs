//! A compiled policy, and how it is put in force.
//! Compiling is pure, so it can happen in the process that forks; installing happens in the child and cannot be undone.

use libc::sock_filter;
use nix::errno::Errno;
use nix::sys::prctl;

use super::arch::Arch;
use super::policy::SyscallPolicy;
use super::{program, ruling};

/// A policy as a program for this machine.
#[derive(Clone, Debug)]
pub struct SyscallFilter {
    program: Vec<sock_filter>,
}

impl SyscallFilter {
    /// Compiles a policy.
    pub fn compile(policy: &SyscallPolicy) -> Self {
        Self::for_arch(policy, Arch::NATIVE)
    }

    pub(super) fn for_arch(policy: &SyscallPolicy, arch: Arch) -> Self {
        Self { program: program::compile(&ruling::decide(policy, arch)) }
    }

    /// Puts the policy in force in this thread and everything it starts, for good.
    ///
    /// To be called in a single-threaded process. It demands no-new-privileges even of root, for whom the kernel would
    /// do without: a filter must not be what a set-user-id program meets.
    ///
    /// # Errors
    /// `EACCES` without no-new-privileges, and what the kernel refuses.
    pub fn install(&self) -> Result<(), Errno> {
        if !prctl::get_no_new_privs()? {
            return Err(Errno::EACCES);
        }
        let len = libc::c_ushort::try_from(self.program.len()).map_err(|_too_long| Errno::E2BIG)?;
        let program = libc::sock_fprog { len, filter: self.program.as_ptr().cast_mut() };
        #[expect(unsafe_code, reason = "seccomp has no safe wrapper")]
        // SAFETY: the structure and the `len` instructions it points to live through the call, which only reads them.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                0 as libc::c_ulong,
                &raw const program,
            )
        };
        Errno::result(result).map(drop)
    }

    /// Whether the kernel has filters with every action that one of ours uses.
    ///
    /// # Errors
    /// The kernel's answer: `ENOSYS` or `EINVAL` without filters, `EOPNOTSUPP` without an action.
    pub fn available() -> Result<(), Errno> {
        for action in [libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_ERRNO, libc::SECCOMP_RET_KILL_PROCESS] {
            #[expect(unsafe_code, reason = "seccomp has no safe wrapper")]
            // SAFETY: the action is a live local that the call reads.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_seccomp,
                    libc::SECCOMP_GET_ACTION_AVAIL,
                    0 as libc::c_ulong,
                    &raw const action,
                )
            };
            Errno::result(result)?;
        }
        Ok(())
    }
}
