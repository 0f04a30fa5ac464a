//! A forked child that goes under a policy, for tests: it does one thing, answers over a pipe and ends.
//! Between the fork and its end it makes system calls and allocates; it takes no lock that another thread could hold.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, pipe2};

use super::super::filter::SyscallFilter;

/// Who the child is while it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// The one that runs the tests.
    Same,
    /// `nobody`.
    Nobody,
}

impl User {
    /// Those that the tests can be: only root becomes somebody else.
    pub(super) fn all() -> Vec<Self> {
        if nix::unistd::geteuid().is_root() {
            return vec![Self::Same, Self::Nobody];
        }
        println!("not run as root, so only as the user who runs the tests");
        assert!(std::env::var_os("CI").is_none(), "in CI these tests run as root");
        vec![Self::Same]
    }
}

/// How a child ended, and what it said before.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: WaitStatus,
    pub(super) said: Vec<u8>,
}

/// Exit code of a child that did not come under the policy.
const NOT_READY: i32 = 120;

/// Runs `body` in a child, under the filter if there is one. What it writes to the file, `said` has.
pub(super) fn under(user: User, filter: Option<&SyscallFilter>, body: impl FnOnce(&mut File)) -> Ended {
    let (from, to) = pipe2(OFlag::O_CLOEXEC).unwrap();
    #[expect(unsafe_code, reason = "the tests are about a process that goes under a filter for good")]
    // SAFETY: the child makes system calls and allocations only (glibc keeps its allocator usable after a fork), and ends
    // with `_exit`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let mut to = File::from(to);
            let code = if ready(user, filter).is_ok() {
                body(&mut to);
                0
            } else {
                NOT_READY
            };
            #[expect(unsafe_code, reason = "the child must not run the parent's exit handlers")]
            // SAFETY: the call takes an integer and does not return.
            unsafe {
                libc::_exit(code)
            }
        }
        ForkResult::Parent { child } => {
            drop(to);
            let mut said = Vec::new();
            File::from(from).read_to_end(&mut said).unwrap();
            let status = waitpid(child, None).unwrap();
            assert_ne!(
                status,
                WaitStatus::Exited(child, NOT_READY),
                "the child did not come under the policy"
            );
            Ended { status, said }
        }
    }
}

fn ready(user: User, filter: Option<&SyscallFilter>) -> Result<(), Errno> {
    if user == User::Nobody {
        raw(libc::SYS_setgroups, [0; 6])?;
        raw(libc::SYS_setresgid, [65534, 65534, 65534, 0, 0, 0])?;
        raw(libc::SYS_setresuid, [65534, 65534, 65534, 0, 0, 0])?;
    }
    prctl::set_no_new_privs()?;
    filter.map_or(Ok(()), SyscallFilter::install)
}

/// A system call as it is, around the library's wrappers.
pub(super) fn raw(number: libc::c_long, args: [libc::c_long; 6]) -> Result<libc::c_long, Errno> {
    #[expect(unsafe_code, reason = "the tests make calls that no wrapper makes")]
    // SAFETY: pointers among the arguments are null, or to values that live as long as the tests.
    Errno::result(unsafe { libc::syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]) })
}

/// Error numbers, as the child writes and the parent reads them.
pub(super) fn say(to: &mut File, answers: &[i32]) {
    let bytes: Vec<u8> = answers.iter().flat_map(|answer| answer.to_le_bytes()).collect();
    // Unsaid, the parent misses it.
    drop(to.write_all(&bytes));
}

pub(super) fn heard(said: &[u8]) -> Vec<i32> {
    said.chunks_exact(4).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

/// Makes the file the child's standard output and standard error.
pub(super) fn as_output(to: &File) -> Result<(), Errno> {
    for stream in [1, 2] {
        // `dup3`, because aarch64 has no `dup2`.
        raw(libc::SYS_dup3, [to.as_raw_fd().into(), stream, 0, 0, 0, 0])?;
    }
    Ok(())
}
