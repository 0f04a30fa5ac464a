//! The kernel calls of process supervision that no safe wrapper offers, each behind a small function.
//! Only `process` uses it; it holds no policy and no state.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::exit::ProcessUsage;
use super::message::WaitStatus;

/// Descriptors one packet may bring: more than any message carries, so that none is cut off silently.
const MAX_RECEIVED: usize = 8;

/// One packet.
#[derive(Debug)]
pub(super) struct Packet {
    /// Its length in the buffer; 0 is the end of the conversation.
    pub(super) length: usize,
    /// What came along, already owned and close-on-exec.
    pub(super) descriptors: Vec<OwnedFd>,
    /// Whether the packet was longer than the buffer.
    pub(super) cut: bool,
}

/// Room for the control data of [`MAX_RECEIVED`] descriptors, aligned as the kernel wants it.
#[repr(C, align(8))]
struct ControlBuffer([u8; 128]);

/// Receives one packet with the descriptors it carries. Descriptors that arrive are owned even when the kernel
/// could not install all of them, so that none leaks.
pub(super) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Packet, Errno> {
    let mut control = ControlBuffer([0; 128]);
    let mut slice = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    #[expect(unsafe_code, reason = "the safe wrapper leaks descriptors when some were cut off")]
    // SAFETY: an all-zero msghdr is valid; every pointer put into it is to a local that outlives the calls, with
    // its true length; the kernel writes at most those lengths, and the CMSG macros walk what it wrote.
    unsafe {
        let mut header: libc::msghdr = MaybeUninit::zeroed().assume_init();
        header.msg_iov = &raw mut slice;
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut control).cast();
        let room =
            libc::CMSG_SPACE(libc::c_uint::try_from(MAX_RECEIVED * size_of::<RawFd>()).expect("32 fits"));
        header.msg_controllen = room as _;
        let result = libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC);
        let length = Errno::result(result)?;
        let mut descriptors = Vec::new();
        let mut message = libc::CMSG_FIRSTHDR(&raw const header);
        while !message.is_null() {
            if (*message).cmsg_level == libc::SOL_SOCKET && (*message).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*message).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let first = libc::CMSG_DATA(message).cast::<[u8; size_of::<RawFd>()]>();
                for index in 0..bytes / size_of::<RawFd>() {
                    let number = RawFd::from_ne_bytes(first.add(index).read());
                    descriptors.push(OwnedFd::from_raw_fd(number));
                }
            }
            message = libc::CMSG_NXTHDR(&raw const header, message);
        }
        Ok(Packet {
            length: usize::try_from(length).expect("a length that is no error is not negative"),
            descriptors,
            cut: header.msg_flags & libc::MSG_TRUNC != 0,
        })
    }
}

/// Forks. `None` is the child.
///
/// The caller is single-threaded, so that the child may allocate and use locks before it runs its program.
pub(super) fn fork() -> Result<Option<Pid>, Errno> {
    #[expect(unsafe_code, reason = "fork is unsafe beside other threads")]
    // SAFETY: only the spawner calls this, which refuses to start with more than one thread and makes none.
    let result = unsafe { libc::fork() };
    Errno::result(result).map(|pid| (pid != 0).then(|| Pid::from_raw(pid)))
}

/// Opens a descriptor for a process. The caller is its parent and has not reaped it, so the number is its own.
pub(super) fn pidfd_open(pid: Pid) -> Result<OwnedFd, Errno> {
    #[expect(unsafe_code, reason = "pidfd_open has no safe wrapper")]
    // SAFETY: the call takes two integers; what it returns is a new descriptor that nobody else owns.
    unsafe {
        let result = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
        Ok(OwnedFd::from_raw_fd(RawFd::try_from(result).map_err(|_too_large| Errno::ERANGE)?))
    }
}

/// Watches a descriptor in the current runtime.
pub(super) fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(unsafe_code, reason = "the runtime cannot check that a descriptor stays the one it is")]
    // SAFETY: an `OwnedFd` is open and has one number until it is dropped, which its owner, the result, does last.
    let watched = unsafe { AsyncFd::register_with_interest(descriptor, interest) };
    Ok(watched?)
}

/// Sends a signal to the process behind a descriptor; it can never hit another one.
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

/// Sends a signal to the group that the process behind a descriptor leads; it can never hit another one.
pub(super) fn pidfd_signal_group(process: BorrowedFd<'_>, pid: Pid, signal: i32) -> Result<(), Errno> {
    /// `PIDFD_SIGNAL_PROCESS_GROUP`, since Linux 6.9.
    const PROCESS_GROUP: libc::c_uint = 1 << 2;
    #[expect(unsafe_code, reason = "pidfd_send_signal has no safe wrapper")]
    // SAFETY: as for `pidfd_signal`.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            PROCESS_GROUP,
        )
    };
    match Errno::result(result) {
        Ok(_) => Ok(()),
        // An older kernel: by number, as long as the leader is there and holds it.
        Err(Errno::EINVAL) => {
            pidfd_signal(process, 0)?;
            let killed = nix::sys::signal::killpg(pid, nix::sys::signal::Signal::try_from(signal)?);
            pidfd_signal(process, signal).and(killed)
        }
        Err(errno) => Err(errno),
    }
}

/// Reaps a child that has ended, with what it used. `None` if it has not ended.
pub(super) fn reap(pid: Pid) -> Result<Option<(WaitStatus, ProcessUsage)>, Errno> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    #[expect(unsafe_code, reason = "no safe wrapper reports the usage of one child")]
    // SAFETY: both pointers are to live locals; an all-zero rusage is valid, so it may be read even if the
    // kernel did not fill it.
    let (result, usage) = unsafe {
        let result = libc::wait4(pid.as_raw(), &raw mut status, libc::WNOHANG, usage.as_mut_ptr());
        (result, usage.assume_init())
    };
    if Errno::result(result)? == 0 {
        return Ok(None);
    }
    let status = if libc::WIFSIGNALED(status) {
        WaitStatus::Signal { signal: libc::WTERMSIG(status), core: libc::WCOREDUMP(status) }
    } else {
        WaitStatus::Code(libc::WEXITSTATUS(status))
    };
    Ok(Some((status, measured(&usage))))
}

fn measured(usage: &libc::rusage) -> ProcessUsage {
    /// The kernel reports the resident size in KiB.
    const RSS_UNIT: u64 = 1024;
    // The counters are signed by history and never negative.
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    let time = |time: libc::timeval| {
        Duration::from_secs(count(time.tv_sec)) + Duration::from_micros(count(time.tv_usec))
    };
    ProcessUsage {
        cpu_user: time(usage.ru_utime),
        cpu_system: time(usage.ru_stime),
        max_rss_bytes: count(usage.ru_maxrss).saturating_mul(RSS_UNIT),
        blocks_read: count(usage.ru_inblock),
        blocks_written: count(usage.ru_oublock),
    }
}

/// Copies a descriptor to the lowest free number from `least` on, close-on-exec.
pub(super) fn copy_above(descriptor: RawFd, least: RawFd) -> Result<RawFd, Errno> {
    #[expect(unsafe_code, reason = "descriptors are placed by number before exec")]
    // SAFETY: the call takes integers and closes nothing.
    let result = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, least) };
    Errno::result(result)
}

/// Makes `to` a copy of `from`, closing what `to` was.
///
/// Only for a process that owns its whole descriptor table: a spawner at its start, a child before exec.
pub(super) fn place(from: RawFd, to: RawFd, close_on_exec: bool) -> Result<(), Errno> {
    let flags = if close_on_exec { libc::O_CLOEXEC } else { 0 };
    #[expect(unsafe_code, reason = "descriptors are placed by number before exec")]
    // SAFETY: the call takes integers. An owner of the former `to`, if any, is never dropped: the caller either
    // owns nothing there yet or ends in exec or exit.
    let result = unsafe { libc::dup3(from, to, flags) };
    Errno::result(result).map(drop)
}

/// Closes every descriptor from `first` on. For the same callers as [`place`].
pub(super) fn close_from(first: u32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "close_range has no safe wrapper")]
    // SAFETY: as for `place`: no owner of a closed descriptor is dropped later.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    match Errno::result(result) {
        Err(Errno::ENOSYS) => close_one_by_one(first),
        other => other.map(drop),
    }
}

fn close_one_by_one(first: u32) -> Result<(), Errno> {
    let numbers: Vec<u32> = std::fs::read_dir("/proc/self/fd")
        .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|number| *number >= first)
        .collect();
    for number in numbers {
        #[expect(unsafe_code, reason = "descriptors are closed by number before exec")]
        // SAFETY: as for `close_from`; the number of the directory that was read answers EBADF, which is ignored.
        unsafe {
            libc::close(RawFd::try_from(number).map_err(|_too_large| Errno::ERANGE)?);
        }
    }
    Ok(())
}

/// Owns a descriptor that was passed to this process under a fixed number.
pub(super) fn own(descriptor: RawFd) -> OwnedFd {
    #[expect(unsafe_code, reason = "an inherited descriptor arrives as a number")]
    // SAFETY: the caller has just placed it there, and takes it once.
    unsafe {
        OwnedFd::from_raw_fd(descriptor)
    }
}

/// Sets every signal to its default action, also those which the C library keeps for itself: a host may have been
/// started with them ignored, and exec keeps that.
///
/// Only for a process with one thread that is about to exec or to fork: the C library's thread signals stop working.
pub(super) fn reset_signals() -> Result<(), Errno> {
    /// The size of the kernel's signal mask in bytes.
    const MASK_SIZE: usize = 8;
    // The kernel's structure is at most four words on every supported machine, and all zero means "default action,
    // no flags, empty mask" in each of its layouts.
    let default_action = [0_u64; 4];
    for signal in 1..=64 {
        #[expect(unsafe_code, reason = "the C library refuses to change the signals it keeps for itself")]
        // SAFETY: the action is as large as the kernel reads and installs no code; no former action is asked for.
        let result = unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default_action.as_ptr(),
                std::ptr::null_mut::<libc::c_void>(),
                MASK_SIZE,
            )
        };
        match Errno::result(result) {
            // SIGKILL and SIGSTOP cannot be changed, and need not be.
            Ok(_) | Err(Errno::EINVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Ends this process at once, running no destructor.
pub(super) fn exit_now(code: i32) -> ! {
    #[expect(unsafe_code, reason = "a forked child must not run the destructors of its parent")]
    // SAFETY: the call does not return.
    unsafe {
        libc::_exit(code)
    }
}
