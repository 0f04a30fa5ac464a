//! Writes a file whole: beside its place first, then by renaming. Everything here blocks.
//! It never writes into a file that is there, so that a link to one elsewhere is replaced and not followed.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use plugdock_contracts::file::FileKind;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::file_fault::{FileFault, Unfit};
use super::place::{Place, kind_at};

/// How many names are tried for the half-written file before somebody is taken for occupying them on purpose.
const MAX_NAMES: usize = 16;

/// Numbers half-written files of this process.
static N_WRITTEN: AtomicU64 = AtomicU64::new(0);

/// A half-written file, which is removed unless it comes to its place.
struct HalfWritten<'a> {
    dir: &'a OwnedFd,
    name: String,
    file: File,
    placed: bool,
}

impl Place {
    /// Puts a file in place whole. `synced` has it on the disk before it comes to its place.
    pub(super) fn write(&self, contents: &[u8], synced: bool) -> Result<(), FileFault> {
        let (dir, name) = self.parent()?;
        let old = match kind_at(&dir, name)? {
            None => None,
            Some(FileKind::File) => Some(rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?),
            Some(_) => return Err(unfit(&dir, name)),
        };
        let mut half = HalfWritten::make(&dir)?;
        half.file.write_all(contents)?;
        if let Some(old) = old {
            // Whoever may read or run the old file may read or run the new one; set-user-id does not pass on.
            rustix::fs::fchmod(half.file.as_fd(), Mode::from_raw_mode(old.st_mode & 0o777))?;
        }
        if synced {
            half.file.sync_all()?;
        }
        half.place(name)
    }
}

/// Why something that is no file is in the way.
fn unfit(dir: &OwnedFd, name: &str) -> FileFault {
    let is_link = rustix::fs::readlinkat(dir, name, Vec::new()).is_ok();
    if is_link { FileFault::Link } else { FileFault::Unfit(Unfit::NoFile) }
}

impl<'a> HalfWritten<'a> {
    fn make(dir: &'a OwnedFd) -> Result<Self, FileFault> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for _ in 0..MAX_NAMES {
            let number = N_WRITTEN.fetch_add(1, Ordering::Relaxed);
            let name = format!(".plugdock-{}-{number}.tmp", std::process::id());
            match rustix::fs::openat(dir, &name, flags, Mode::from_raw_mode(0o666)) {
                Ok(file) => return Ok(Self { dir, name, file: file.into(), placed: false }),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(FileFault::System(Errno::EXIST))
    }

    fn place(mut self, name: &str) -> Result<(), FileFault> {
        match rustix::fs::renameat(self.dir, &self.name, self.dir, name) {
            Ok(()) => {
                self.placed = true;
                Ok(())
            }
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Drop for HalfWritten<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed stays, under a name that says whose it is; the error that matters is the first.
            let _leftover = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
        }
    }
}
