//! A granted path, found on disk: the directory it is resolved beneath, and what is done there. Everything here blocks.
//! It asks for no permission; writing a file whole is `replace`'s.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use plugdock_contracts::file::{DirEntry, FileKind, FileStat, GrantedPath};
use plugdock_contracts::permission::PathRoot;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::beneath::{DIRECTORY, Mounts, open, open_root};
use super::file_fault::{FileFault, Unfit};

/// A granted path on disk.
#[derive(Debug)]
pub(super) struct Place {
    /// What the rest is resolved beneath: the directory that a root means, or where an absolute grant begins.
    dir: OwnedFd,
    rest: String,
    mounts: Mounts,
    /// So many parts of the rest lie above the grant and are never made.
    n_above: usize,
}

impl Place {
    /// Opens where the path is resolved from. `root` is the directory that its root means.
    pub(super) fn open(path: &GrantedPath, root: Option<PathBuf>) -> Result<Self, FileFault> {
        let rest = path.path().below();
        if path.path().root() != PathRoot::Absolute {
            let root = root.ok_or(FileFault::NoRoot(None))?;
            let dir = open_root(&root).map_err(|errno| FileFault::NoRoot(Some(errno)))?;
            return Ok(Self { dir, rest: rest.to_owned(), mounts: Mounts::Refuse, n_above: 0 });
        }
        let top = open_root(Path::new("/"))?;
        if path.path() == path.base() {
            let n_above = path.path().components().count().saturating_sub(1);
            return Ok(Self { dir: top, rest: rest.to_owned(), mounts: Mounts::Enter, n_above });
        }
        let base = path.base().below();
        let dir = open(&top, base, DIRECTORY, Mounts::Enter)?;
        let rest = rest[base.len()..].trim_start_matches('/').to_owned();
        Ok(Self { dir, rest, mounts: Mounts::Refuse, n_above: 0 })
    }

    fn open_rest(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        open(&self.dir, &self.rest, flags, self.mounts)
    }

    /// The directory in which the path is a name, and the name. A root is no name in anything.
    pub(super) fn parent(&self) -> Result<(OwnedFd, &str), FileFault> {
        if self.rest.is_empty() {
            return Err(FileFault::Unfit(Unfit::Root));
        }
        let (above, name) = self.rest.rsplit_once('/').unwrap_or(("", &self.rest));
        Ok((open(&self.dir, above, DIRECTORY, self.mounts)?, name))
    }

    /// Reads a regular file, or refuses one that is larger than the bound.
    pub(super) fn read(&self, limit: u64) -> Result<Bytes, FileFault> {
        // Neither waits for a pipe's other end nor makes a terminal the host's own.
        let file = self.open_rest(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let stat = rustix::fs::fstat(&file)?;
        if kind_of(&stat) != FileKind::File {
            return Err(FileFault::Unfit(Unfit::NoFile));
        }
        // A sparse file may say any length: it is refused before a byte of it is read.
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if size > limit {
            return Err(FileFault::TooLarge { size, limit });
        }
        let mut contents = Vec::new();
        File::from(file).take(limit.saturating_add(1)).read_to_end(&mut contents)?;
        let size = contents.len() as u64;
        if size > limit {
            return Err(FileFault::TooLarge { size, limit });
        }
        Ok(contents.into())
    }

    /// What is there. A link is something that cannot be used, and not what it points to.
    pub(super) fn stat(&self) -> Result<Option<FileStat>, FileFault> {
        let found = self.open_rest(OFlags::PATH | OFlags::NOFOLLOW).and_then(rustix::fs::fstat);
        match found.map_err(FileFault::from) {
            Ok(stat) => {
                let kind = kind_of(&stat);
                let size = if kind == FileKind::File { stat.st_size } else { 0 };
                let size = u64::try_from(size).unwrap_or(0);
                Ok(Some(FileStat::new(kind, size, modified_ms(&stat))))
            }
            Err(FileFault::Unfit(Unfit::Missing | Unfit::NoDirectory)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Names in a directory, in order, at most so many.
    pub(super) fn list(&self, limit: usize) -> Result<Vec<DirEntry>, FileFault> {
        let dir = self.open_rest(OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            // A name that is no text can be asked for by nobody.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            if entries.len() == limit {
                return Err(FileFault::TooMany { limit });
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => kind_of(&stat),
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(errno.into()),
                },
                known => kind_from(known),
            };
            entries.push(DirEntry::new(name.to_owned(), kind));
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Makes the directory and those above it, as far as the grant reaches; whether it was made.
    pub(super) fn create_dir(&self) -> Result<bool, FileFault> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        let mut dir = open(&self.dir, "", DIRECTORY, self.mounts)?;
        let mut made = false;
        for (at, part) in self.rest.split('/').enumerate() {
            if at >= self.n_above {
                made = match rustix::fs::mkdirat(&dir, part, Mode::from_raw_mode(0o777)) {
                    Ok(()) => true,
                    Err(Errno::EXIST) => false,
                    Err(errno) => return Err(errno.into()),
                };
            }
            dir = open(&dir, part, DIRECTORY, self.mounts)?;
        }
        Ok(made)
    }

    /// Removes what is no directory, or an empty directory; whether it was there. A link is removed itself.
    pub(super) fn remove(&self) -> Result<bool, FileFault> {
        let (dir, name) = match self.parent() {
            Err(FileFault::Unfit(Unfit::Missing | Unfit::NoDirectory)) => return Ok(false),
            found => found?,
        };
        let Some(kind) = kind_at(&dir, name)? else { return Ok(false) };
        let flags = if kind == FileKind::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        match rustix::fs::unlinkat(&dir, name, flags) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives a regular file another name. Of directories no grant says what is in them.
    pub(super) fn rename(&self, to: &Self) -> Result<(), FileFault> {
        let (from_dir, from_name) = self.parent()?;
        let (to_dir, to_name) = to.parent()?;
        match kind_at(&from_dir, from_name)? {
            Some(FileKind::File) => {}
            Some(_) => return Err(FileFault::Unfit(Unfit::NoFile)),
            None => return Err(FileFault::Unfit(Unfit::Missing)),
        }
        if kind_at(&to_dir, to_name)?.is_some_and(|kind| kind != FileKind::File) {
            return Err(FileFault::Unfit(Unfit::NoFile));
        }
        match rustix::fs::renameat(&from_dir, from_name, &to_dir, to_name) {
            Ok(()) => Ok(()),
            Err(Errno::XDEV) => Err(FileFault::Unfit(Unfit::OtherFileSystem)),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// What has a name in a directory.
pub(super) fn kind_at(dir: &OwnedFd, name: &str) -> Result<Option<FileKind>, FileFault> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(kind_of(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn kind_of(stat: &Stat) -> FileKind {
    kind_from(FileType::from_raw_mode(stat.st_mode))
}

fn kind_from(kind: FileType) -> FileKind {
    match kind {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        _ => FileKind::Other,
    }
}

fn modified_ms(stat: &Stat) -> i64 {
    // Without a sign in some definitions of the structure and with one in others.
    let nanos = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}
