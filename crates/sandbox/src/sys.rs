//! The few kernel calls that no safe wrapper offers, each behind a safe function.
//! Only this crate uses it; it holds no policy.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::prctl;

/// Marks every descriptor from `first` on close-on-exec.
pub(crate) fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "close_range has no safe wrapper")]
    // SAFETY: with CLOSE_RANGE_CLOEXEC the call only sets a flag; no descriptor someone owns is closed.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    match Errno::result(result) {
        Ok(_) => Ok(()),
        // Kernels before 5.11 do not know the call or the flag.
        Err(Errno::ENOSYS | Errno::EINVAL) => close_on_exec_one_by_one(first),
        Err(errno) => Err(errno),
    }
}

fn close_on_exec_one_by_one(first: u32) -> Result<(), Errno> {
    for descriptor in open_descriptors()? {
        if u32::try_from(descriptor).is_ok_and(|number| number >= first) {
            set_close_on_exec(descriptor)?;
        }
    }
    Ok(())
}

/// The numbers of all open descriptors, without the one used for looking.
pub(crate) fn open_descriptors() -> Result<Vec<RawFd>, Errno> {
    let directory = std::fs::read_dir("/proc/self/fd").map_err(|error| errno_of(&error))?;
    let mut found = Vec::new();
    for entry in directory {
        let entry = entry.map_err(|error| errno_of(&error))?;
        if let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.push(number);
        }
    }
    // The directory handle is closed by now, so its number no longer answers.
    found.retain(|descriptor| descriptor_flags(*descriptor).is_ok());
    found.sort_unstable();
    Ok(found)
}

/// Whether the descriptor closes on exec.
pub(crate) fn closes_on_exec(descriptor: RawFd) -> Result<bool, Errno> {
    descriptor_flags(descriptor).map(|flags| flags & libc::FD_CLOEXEC != 0)
}

fn descriptor_flags(descriptor: RawFd) -> Result<i32, Errno> {
    #[expect(unsafe_code, reason = "descriptors found by number are not owned by this code")]
    // SAFETY: F_GETFD takes no pointer; a closed number answers EBADF.
    let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
    Errno::result(flags)
}

/// Marks one descriptor close-on-exec.
pub(crate) fn set_close_on_exec(descriptor: RawFd) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "descriptors found by number are not owned by this code")]
    // SAFETY: F_SETFD takes no pointer and closes nothing; a closed number answers EBADF.
    let result = unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    Errno::result(result).map(drop)
}

/// The socket type (`SOCK_STREAM`, …) of a descriptor given by number; an error if it is no open socket.
pub(crate) fn socket_type(descriptor: RawFd) -> Result<i32, Errno> {
    let mut kind: libc::c_int = 0;
    let mut size = libc::socklen_t::try_from(size_of::<libc::c_int>()).expect("the size of an int fits");
    #[expect(unsafe_code, reason = "the number comes from the environment and is not owned yet")]
    // SAFETY: both pointers are to live locals, and `size` is the size of `kind`.
    let result = unsafe {
        libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &raw mut size)
    };
    Errno::result(result).map(|_| kind)
}

/// Takes ownership of a descriptor that was inherited.
///
/// The caller has checked that it is open, and makes sure that nobody else owns it or takes it twice.
pub(crate) fn own_inherited(descriptor: RawFd) -> OwnedFd {
    #[expect(unsafe_code, reason = "an inherited descriptor arrives as a number")]
    // SAFETY: the caller checked that it is open; it was passed to this process for this use, and the caller
    // takes it once, so no other owner exists.
    unsafe {
        OwnedFd::from_raw_fd(descriptor)
    }
}

/// Removes a variable from the environment if this is the only thread, and says whether it did.
pub(crate) fn remove_variable_if_alone(name: &str) -> bool {
    if !is_single_threaded() {
        return false;
    }
    #[expect(unsafe_code, reason = "changing the environment is unsafe beside other threads")]
    // SAFETY: there is no other thread that could read or write the environment, as was just checked.
    unsafe {
        std::env::remove_var(name);
    }
    true
}

/// Whether this process has exactly one thread; `false` when that cannot be seen.
pub(crate) fn is_single_threaded() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    /// A directory has two links, and one more for each directory in it: here, for each thread.
    const LINKS_OF_ONE: u64 = 3;
    // Asking works where a sandbox has closed the directory to reading.
    std::fs::metadata("/proc/self/task").is_ok_and(|tasks| tasks.nlink() == LINKS_OF_ONE)
}

/// The Landlock version of the running kernel.
pub(crate) fn landlock_abi() -> Result<u32, Errno> {
    const VERSION: libc::c_uint = 1;
    #[expect(unsafe_code, reason = "landlock_create_ruleset has no safe wrapper")]
    // SAFETY: with the VERSION flag the kernel reads no attribute; the pointer is null and its size is zero.
    let result = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION)
    };
    let version = Errno::result(result)?;
    u32::try_from(version).map_err(|_too_large| Errno::ERANGE)
}

/// Whether the kernel can open a descriptor for a process, tried on this process itself.
pub(crate) fn pidfd_works() -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "pidfd_open has no safe wrapper")]
    // SAFETY: the call takes two integers.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) };
    let descriptor = RawFd::try_from(Errno::result(result)?).map_err(|_too_large| Errno::ERANGE)?;
    drop(own_inherited(descriptor));
    Ok(())
}

/// Writes the out-of-memory score of this process.
pub(crate) fn set_oom_score_adj(adj: i32) -> Result<(), Errno> {
    // While a process is not dumpable its files under /proc belong to root, so it is dumpable for this one write.
    let dumpable = prctl::get_dumpable()?;
    prctl::set_dumpable(true)?;
    let written =
        std::fs::write("/proc/self/oom_score_adj", adj.to_string()).map_err(|error| errno_of(&error));
    prctl::set_dumpable(dumpable)?;
    written
}

pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// Whether the bounding set has a capability; `EINVAL` for a number the kernel does not know.
pub(crate) fn bounding_has(capability: u32) -> Result<bool, Errno> {
    #[expect(unsafe_code, reason = "the bounding set has no safe wrapper")]
    // SAFETY: the call takes integers only.
    let result = unsafe { libc::prctl(libc::PR_CAPBSET_READ, libc::c_ulong::from(capability), 0, 0, 0) };
    Errno::result(result).map(|found| found == 1)
}

/// Takes a capability out of the bounding set.
pub(crate) fn bounding_drop(capability: u32) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "the bounding set has no safe wrapper")]
    // SAFETY: as for `bounding_has`.
    let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) };
    Errno::result(result).map(drop)
}

/// Sets the secure bits; locked ones cannot be changed later.
pub(crate) fn set_secure_bits(bits: libc::c_int) -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "secure bits have no safe wrapper")]
    // SAFETY: as for `bounding_has`.
    let result =
        unsafe { libc::prctl(libc::PR_SET_SECUREBITS, libc::c_ulong::from(bits.unsigned_abs()), 0, 0, 0) };
    Errno::result(result).map(drop)
}

/// Empties the ambient set.
pub(crate) fn clear_ambient() -> Result<(), Errno> {
    #[expect(unsafe_code, reason = "the ambient set has no safe wrapper")]
    // SAFETY: as for `bounding_has`.
    let result = unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::c_ulong::from(libc::PR_CAP_AMBIENT_CLEAR_ALL.unsigned_abs()),
            0,
            0,
            0,
        )
    };
    Errno::result(result).map(drop)
}

/// Empties the effective, permitted and inheritable sets of this thread.
pub(crate) fn clear_capabilities() -> Result<(), Errno> {
    /// `_LINUX_CAPABILITY_VERSION_3`: sets of 64 bits, in two halves.
    const VERSION: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION, 0];
    let none = [0_u32; 6];
    #[expect(unsafe_code, reason = "capset has no safe wrapper")]
    // SAFETY: the header is the kernel's structure of a version and a thread (0 is this one), the data two of its
    // structures of three words, as this version wants; both live through the call, which only reads the data.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    Errno::result(result).map(drop)
}
