//! Opens paths beneath a directory that is held open, so that nothing on disk leads out of it, whoever changes it meanwhile.
//! The kernel resolves; no text of a path is looked at twice.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// How often the kernel may say that it could not be sure and asks for another try, because something was renamed meanwhile.
const MAX_TRIES: usize = 64;

/// Which mounts a path may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mounts {
    /// Any, as long as whoever granted the path named it himself.
    Enter,
    /// None: what is mounted below was not meant.
    Refuse,
}

/// A directory to begin with, for resolving only.
pub(super) const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);

/// Opens a directory by the host's own path to it. Only its last part must be no link: what is above it is the host's.
pub(super) fn open_root(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a relative path beneath a directory, without links. It does not wait for the other end of a pipe, and never makes
/// anything.
pub(super) fn open(dir: impl AsFd, path: &str, flags: OFlags, mounts: Mounts) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { "." } else { path };
    let flags = flags | OFlags::CLOEXEC;
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    if mounts == Mounts::Refuse {
        resolve |= ResolveFlags::NO_XDEV;
    }
    again(dir.as_fd(), |dir| rustix::fs::openat2(dir, path, flags, Mode::empty(), resolve))
}

fn again(
    dir: BorrowedFd<'_>,
    mut attempt: impl FnMut(BorrowedFd<'_>) -> Result<OwnedFd, Errno>,
) -> Result<OwnedFd, Errno> {
    for _ in 1..MAX_TRIES {
        match attempt(dir) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            done => return done,
        }
    }
    attempt(dir)
}
