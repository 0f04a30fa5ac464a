//! A file that appears in a directory whole or not at all: written under a temporary name, then renamed.
//! It does not decide what is written, and leaves no temporary file behind when writing fails.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::stat::Mode;

use crate::workspace::directory::Directory;

/// What the umask leaves of this is the mode of a placed file, as for any file a program writes.
const PLACED_MODE: Mode = Mode::S_IRUSR
    .union(Mode::S_IWUSR)
    .union(Mode::S_IRGRP)
    .union(Mode::S_IWGRP)
    .union(Mode::S_IROTH)
    .union(Mode::S_IWOTH);

/// Names tried before giving up; each is taken only if a process with our number left it behind.
const MAX_NAME_ATTEMPTS: u32 = 64;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes a file through `fill` and puts it at `name`, replacing what file or link has that name.
///
/// Nobody sees a part of it: the name appears after the contents reached the disk. On any failure the temporary file is removed.
pub(crate) fn place<T, F>(dir: &Directory, name: &str, fill: F) -> io::Result<T>
where
    F: FnOnce(&mut File) -> io::Result<T>,
{
    let mut temporary = Temporary::make(dir)?;
    let filled = fill(&mut temporary.file)?;
    // A full or failing disk may refuse only now what it accepted into memory before.
    temporary.file.sync_data()?;
    dir.rename(temporary.name.as_str(), dir, name)?;
    temporary.disarm();
    Ok(filled)
}

/// A file without its final name, removed on drop unless disarmed.
struct Temporary<'a> {
    dir: &'a Directory,
    name: String,
    file: File,
    armed: bool,
}

impl<'a> Temporary<'a> {
    fn make(dir: &'a Directory) -> io::Result<Self> {
        for _ in 0..MAX_NAME_ATTEMPTS {
            let name =
                format!(".plugdock-{}-{}.part", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            match dir.create(name.as_str(), PLACED_MODE) {
                Ok(file) => return Ok(Self { dir, name, file, armed: true }),
                Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(Errno::EEXIST.into())
    }

    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if self.armed
            && let Err(errno) = self.dir.unlink(self.name.as_str())
        {
            tracing::warn!(name = self.name, error = %errno, "a temporary file of a failed write stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::*;

    fn names(dir: &Path) -> Vec<std::ffi::OsString> {
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_appears_under_its_name_when_it_is_whole() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Directory::open(temporary.path()).unwrap();
        place(&dir, "page", |file| {
            file.write_all(b"half")?;
            assert!(!temporary.path().join("page").exists());
            file.write_all(b", whole")
        })
        .unwrap();
        assert_eq!(std::fs::read_to_string(temporary.path().join("page")).unwrap(), "half, whole");
        assert_eq!(names(temporary.path()), ["page"]);
    }

    #[test]
    fn a_full_disk_leaves_what_was_there_before() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::write(temporary.path().join("page"), "old").unwrap();
        let dir = Directory::open(temporary.path()).unwrap();
        let error = place(&dir, "page", |file| -> io::Result<()> {
            file.write_all(b"half")?;
            Err(Errno::ENOSPC.into())
        })
        .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::ENOSPC as i32));
        assert_eq!(names(temporary.path()), ["page"]);
        assert_eq!(std::fs::read_to_string(temporary.path().join("page")).unwrap(), "old");
    }
}
