//! The kernel calls of namespaces and mounts that no safe wrapper offers, each behind a safe function.
//! Only `namespace` uses it; it holds no policy.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use crate::sys::own_inherited;

/// `MOUNT_ATTR_RDONLY`.
pub(super) const READ_ONLY: u64 = 0x1;
/// `MOUNT_ATTR_NOSUID`.
pub(super) const NO_SUID: u64 = 0x2;
/// `MOUNT_ATTR_NODEV`.
pub(super) const NO_DEV: u64 = 0x4;
/// `MOUNT_ATTR_NOEXEC`.
pub(super) const NO_EXEC: u64 = 0x8;

/// A process made by [`clone_into`].
#[derive(Debug)]
pub(super) enum Process {
    /// This is the parent.
    Parent {
        /// The child's number here.
        pid: Pid,
        /// The child's descriptor.
        process: OwnedFd,
    },
    /// This is the child.
    Child,
}

/// Clones this process as `fork` does, into new namespaces, with a descriptor for the child.
///
/// The C library does not hear of it: the caller is single-threaded, so that no lock of it can be held.
pub(super) fn clone_into(namespaces: libc::c_int) -> Result<Process, Errno> {
    let mut descriptor: RawFd = -1;
    let flags = u64::from((libc::CLONE_PIDFD | namespaces).cast_unsigned());
    // The kernel's `struct clone_args` in its first form: flags, pidfd, child_tid, parent_tid, exit_signal, stack,
    // stack_size, tls.
    let args: [u64; 8] =
        [flags, (&raw mut descriptor) as u64, 0, 0, u64::from(libc::SIGCHLD.cast_unsigned()), 0, 0, 0];
    #[expect(unsafe_code, reason = "clone3 has no wrapper")]
    // SAFETY: without CLONE_VM and with no stack the call is a fork; the caller is single-threaded. The arguments and the
    // place for the descriptor live through the call, and the size passed is theirs.
    let result = unsafe { libc::syscall(libc::SYS_clone3, args.as_ptr(), size_of_val(&args)) };
    let pid = i32::try_from(Errno::result(result)?).map_err(|_too_large| Errno::ERANGE)?;
    if pid == 0 {
        return Ok(Process::Child);
    }
    Ok(Process::Parent { pid: Pid::from_raw(pid), process: own_inherited(descriptor) })
}

/// Forks; `None` is the child. The caller is single-threaded.
pub(super) fn fork() -> Result<Option<Pid>, Errno> {
    #[expect(unsafe_code, reason = "fork is unsafe beside other threads")]
    // SAFETY: init calls this, which was cloned from a single-threaded process and makes no threads.
    let result = unsafe { libc::fork() };
    Errno::result(result).map(|pid| (pid != 0).then(|| Pid::from_raw(pid)))
}

/// Ends this process at once, without destructors or exit handlers: they belong to the process it was copied from.
pub(super) fn exit_now(code: i32) -> ! {
    #[expect(unsafe_code, reason = "ending without exit handlers has no safe wrapper")]
    // SAFETY: the call takes an integer and does not return.
    unsafe {
        libc::_exit(code)
    }
}

/// Sends a signal to the process behind a descriptor.
pub(super) fn pidfd_signal(process: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "pidfd_send_signal has no safe wrapper")]
    // SAFETY: the information pointer is null, which the call allows; the rest are integers.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    Errno::result(result).map(drop)
}

fn owned(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let number = RawFd::try_from(Errno::result(result)?).map_err(|_too_large| Errno::ERANGE)?;
    Ok(own_inherited(number))
}

/// Begins the configuration of a new file system.
pub(super) fn fsopen(kind: &CStr) -> Result<OwnedFd, Errno> {
    /// `FSOPEN_CLOEXEC`.
    const CLOSE_ON_EXEC: libc::c_uint = 1;
    #[expect(unsafe_code, reason = "the mount calls have no safe wrapper")]
    // SAFETY: the name is a C string that lives through the call; the result is a new descriptor.
    owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), CLOSE_ON_EXEC) })
}

/// Sets one option of a file system that is being configured.
pub(super) fn fsconfig_text(context: &OwnedFd, key: &CStr, value: &CStr) -> Result<(), Errno> {
    /// `FSCONFIG_SET_STRING`.
    const SET_STRING: libc::c_uint = 1;
    #[expect(unsafe_code, reason = "the mount calls have no safe wrapper")]
    // SAFETY: both texts are C strings that live through the call.
    let result = unsafe {
        libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), SET_STRING, key.as_ptr(), value.as_ptr(), 0)
    };
    Errno::result(result).map(drop)
}

/// Makes the configured file system and a mount of it that is in no tree yet.
pub(super) fn fsmount(context: &OwnedFd, flags: u64) -> Result<OwnedFd, Errno> {
    /// `FSCONFIG_CMD_CREATE`.
    const CREATE: libc::c_uint = 6;
    /// `FSMOUNT_CLOEXEC`.
    const CLOSE_ON_EXEC: libc::c_uint = 1;
    let none = std::ptr::null::<libc::c_char>();
    #[expect(unsafe_code, reason = "the mount calls have no safe wrapper")]
    // SAFETY: this command takes no key and no value.
    let result = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), CREATE, none, none, 0) };
    Errno::result(result)?;
    #[expect(unsafe_code, reason = "the mount calls have no safe wrapper")]
    // SAFETY: the call takes integers; the result is a new descriptor.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), CLOSE_ON_EXEC, flags) })
}

/// Clones the mount at a path with all that is mounted below; the clone is in no tree yet.
pub(super) fn open_tree(directory: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    /// `OPEN_TREE_CLONE`.
    const CLONE: libc::c_int = 1;
    let flags = CLONE | libc::O_CLOEXEC | libc::AT_RECURSIVE;
    #[expect(unsafe_code, reason = "the mount calls have no safe wrapper")]
    // SAFETY: the path is a C string that lives through the call; the result is a new descriptor.
    owned(unsafe { libc::syscall(libc::SYS_open_tree, directory.as_raw_fd(), path.as_ptr(), flags) })
}

/// Puts a mount that is in no tree onto what the second descriptor shows.
pub(super) fn move_mount(mount: &OwnedFd, place: BorrowedFd<'_>) -> Result<(), Errno> {
    /// `MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH`: both are given by descriptor.
    const BY_DESCRIPTOR: libc::c_uint = 0x4 | 0x40;
    let empty = c"";
    #[expect(unsafe_code, reason = "the mount calls have no safe wrapper")]
    // SAFETY: both paths are empty C strings.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_raw_fd(),
            empty.as_ptr(),
            place.as_raw_fd(),
            empty.as_ptr(),
            BY_DESCRIPTOR,
        )
    };
    Errno::result(result).map(drop)
}

/// Which mounts [`mount_setattr`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The one that was named.
    One,
    /// That one and all below, which also become private.
    AllPrivate,
}

/// Adds flags to the mount behind a descriptor.
pub(super) fn mount_setattr(mount: BorrowedFd<'_>, reach: Reach, add: u64) -> Result<(), Errno> {
    let (recursive, propagation) = match reach {
        Reach::One => (0, 0),
        Reach::AllPrivate => (libc::AT_RECURSIVE, libc::MS_PRIVATE),
    };
    // The kernel's `struct mount_attr` in its first form: attr_set, attr_clr, propagation, userns_fd.
    let attributes: [u64; 4] = [add, 0, propagation, 0];
    #[expect(unsafe_code, reason = "the mount calls have no safe wrapper")]
    // SAFETY: the path is an empty C string; the structure lives through the call and the size passed is its own.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    Errno::result(result).map(drop)
}

/// Makes the current directory, the top of a mount, the root of this mount namespace, with the former root over it.
pub(super) fn pivot_root_to_current() -> Result<(), Errno> {
    let here = c".";
    #[expect(unsafe_code, reason = "pivot_root has no safe wrapper here")]
    // SAFETY: both paths are C strings.
    let result = unsafe { libc::syscall(libc::SYS_pivot_root, here.as_ptr(), here.as_ptr()) };
    Errno::result(result).map(drop)
}

/// Takes away what is mounted on the current directory, as soon as nobody uses it.
pub(super) fn detach_current() -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "umount2 has no safe wrapper here")]
    // SAFETY: the path is a C string.
    let result = unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) };
    Errno::result(result).map(drop)
}

/// Sets the host name of this namespace.
pub(super) fn set_host_name(name: &str) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "sethostname has no safe wrapper here")]
    // SAFETY: the pointer and the length are those of one live text; the call only reads.
    let result = unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) };
    Errno::result(result).map(drop)
}

/// Closes every descriptor but `kept`, whose owners go on owning them.
///
/// Only for a process that from here on uses nothing else: whoever owned another number must never drop it.
pub(super) fn close_all_but(kept: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut numbers: Vec<u32> = kept.iter().map(|kept| kept.as_raw_fd().cast_unsigned()).collect();
    numbers.sort_unstable();
    let mut first = 0;
    for number in numbers {
        if number > first {
            close_range(first, number - 1)?;
        }
        first = number + 1;
    }
    close_range(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "close_range has no safe wrapper")]
    // SAFETY: the caller of `close_all_but` gave these numbers up.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    Errno::result(result).map(drop)
}

/// What a process used, in the kernel's own counters.
pub(super) fn usage_of_children() -> Result<libc::rusage, Errno> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    #[expect(unsafe_code, reason = "the safe wrapper hides the counters")]
    // SAFETY: the pointer is to a live local; an all-zero rusage is valid, so it may be read in any case.
    let (result, usage) =
        unsafe { (libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()), usage.assume_init()) };
    Errno::result(result).map(|_| usage)
}

/// Reaps any one child that has ended, with what it used. `None` if all live; `ECHILD` if there is none.
pub(super) fn reap_any() -> Result<Option<(WaitStatus, libc::rusage)>, Errno> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    #[expect(unsafe_code, reason = "no safe wrapper reports the usage of one child")]
    // SAFETY: both pointers are to live locals; an all-zero rusage is valid, so it may be read in any case.
    let (result, usage) =
        unsafe { (libc::wait4(-1, &raw mut status, libc::WNOHANG, usage.as_mut_ptr()), usage.assume_init()) };
    match Errno::result(result)? {
        0 => Ok(None),
        pid => Ok(Some((WaitStatus::from_raw(Pid::from_raw(pid), status)?, usage))),
    }
}
