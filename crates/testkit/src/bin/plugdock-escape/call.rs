//! System calls as the kernel answers them, without the standard library in between.
//! It knows numbers and words, and no attempt.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What the kernel answers: a value, or the number of an error.
pub(crate) type Answer = Result<isize, i32>;

/// An address at which nothing lies: a call that reads it fails with `EFAULT`, once it came so far.
pub(crate) const NOWHERE: isize = 1;

/// The directory of a relative path: the current one.
pub(crate) const HERE: isize = libc::AT_FDCWD as isize;

/// Makes a call with any arguments; those that are missing are zero.
///
/// Whoever gives an address gives one of memory that it holds during the call, or one at which nothing lies.
pub(crate) fn call(number: libc::c_long, arguments: &[isize]) -> Answer {
    let argument = |place: usize| arguments.get(place).copied().unwrap_or(0);
    #[expect(unsafe_code, reason = "the standard library makes few calls and hides some answers")]
    // SAFETY: the kernel checks every argument; the memory whose addresses callers give is theirs for the time of the call.
    let answer = unsafe {
        libc::syscall(number, argument(0), argument(1), argument(2), argument(3), argument(4), argument(5))
    };
    if answer == -1 { Err(errno()) } else { Ok(isize::try_from(answer).unwrap_or(isize::MAX)) }
}

/// The error of the last call.
pub(crate) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// A number of the C library as the kernel takes it.
pub(crate) fn word(number: u32) -> isize {
    isize::try_from(number).expect("32 bits fit into a word of Linux on 64 bits")
}

/// The address of something.
pub(crate) fn address<T: ?Sized>(of: &T) -> isize {
    std::ptr::from_ref(of).cast::<u8>().expose_provenance().cast_signed()
}

/// The address of something that the kernel writes to.
pub(crate) fn address_mut<T: ?Sized>(of: &mut T) -> isize {
    std::ptr::from_mut(of).cast::<u8>().expose_provenance().cast_signed()
}

/// A text as the kernel reads it.
pub(crate) fn text(of: impl AsRef<Path>) -> CString {
    CString::new(of.as_ref().as_os_str().as_bytes()).expect("no path of an attempt holds a zero")
}

/// The address of a text.
pub(crate) fn start(of: &CStr) -> isize {
    of.as_ptr().expose_provenance().cast_signed()
}

/// Opens, and leaves open.
pub(crate) fn open(path: impl AsRef<Path>, flags: i32) -> Answer {
    let path = text(path);
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK;
    call(libc::SYS_openat, &[HERE, start(&path), flags as isize, 0o700])
}

/// Closes what was opened, if it was.
pub(crate) fn closed(answer: Answer) -> Answer {
    let descriptor = answer?;
    call(libc::SYS_close, &[descriptor])
}

/// Opens and closes.
pub(crate) fn try_open(path: impl AsRef<Path>, flags: i32) -> Answer {
    closed(open(path, flags))
}

/// Removes a file.
pub(crate) fn unlink(path: impl AsRef<Path>) -> Answer {
    let path = text(path);
    call(libc::SYS_unlinkat, &[HERE, start(&path)])
}

/// The mode of what a descriptor leads to, if it is open.
pub(crate) fn mode_of(descriptor: i32) -> Option<u32> {
    let mut found = std::mem::MaybeUninit::<libc::stat>::uninit();
    #[expect(unsafe_code, reason = "a descriptor that may be closed cannot be borrowed")]
    // SAFETY: the kernel writes a whole structure to memory of its size, or answers that it did not.
    unsafe {
        (libc::fstat(descriptor, found.as_mut_ptr()) == 0).then(|| found.assume_init().st_mode)
    }
}
