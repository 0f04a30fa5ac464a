//! Reads, writes and walks one namespace's directory, which paths cannot leave: they are resolved beneath it.
//! It follows no link as the file or directory that is asked for, and counts none as a file.

use std::io::{self, ErrorKind, Read, Write};

use bytes::Bytes;
use cap_std::fs::{Dir, DirEntry, OpenOptions};

use super::storage_path::StoragePath;
use super::usage::Usage;

/// A namespace's directory.
#[derive(Debug)]
pub(super) struct Tree {
    dir: Dir,
    /// How deep a walk goes: deeper files were not written by the storage.
    max_depth: usize,
}

impl Tree {
    /// Opens the directory of a namespace below the storage's own, if it is there.
    pub(super) fn open(root: &Dir, components: &[String; 2], max_depth: usize) -> io::Result<Option<Self>> {
        let Some(tenant) = open_plain_dir(root, &components[0])? else { return Ok(None) };
        Ok(open_plain_dir(&tenant, &components[1])?.map(|dir| Self { dir, max_depth }))
    }

    /// Opens it, and makes it first if it is not there.
    pub(super) fn make(root: &Dir, components: &[String; 2], max_depth: usize) -> io::Result<Self> {
        let tenant = make_plain_dir(root, &components[0])?;
        Ok(Self { dir: make_plain_dir(&tenant, &components[1])?, max_depth })
    }

    /// The size of a file; `None` if there is none, or something else in its place.
    pub(super) fn file_size(&self, path: &StoragePath) -> io::Result<Option<u64>> {
        let found = if_there(self.dir.symlink_metadata(path.as_str()))?;
        Ok(found.filter(cap_std::fs::Metadata::is_file).map(|file| file.len()))
    }

    /// What is in the way of a file: something that is no file in its place, or a file where a directory must be.
    pub(super) fn obstacle(&self, path: &StoragePath) -> io::Result<Option<String>> {
        if if_there(self.dir.symlink_metadata(path.as_str()))?.is_some_and(|found| !found.is_file()) {
            return Ok(Some(format!("`{}` is no file", path.as_str())));
        }
        for parent in path.parents() {
            if if_there(self.dir.symlink_metadata(parent))?.is_some_and(|found| !found.is_dir()) {
                return Ok(Some(format!("`{parent}` is no directory")));
            }
        }
        Ok(None)
    }

    /// Reads a file, at most so many bytes of it.
    pub(super) fn read(&self, path: &StoragePath, at_most: u64) -> io::Result<Option<Bytes>> {
        // Looking first keeps a pipe, whose opening would wait for a writer, and a link from being opened.
        if self.file_size(path)?.is_none() {
            return Ok(None);
        }
        let Some(file) = if_there(self.dir.open(path.as_str()))? else { return Ok(None) };
        let mut contents = Vec::new();
        file.take(at_most).read_to_end(&mut contents)?;
        Ok(Some(contents.into()))
    }

    /// Puts a file in place whole. It is written and synced in `scratch` first, so that after a crash the old contents or
    /// the new are there. The renaming itself is not synced: after a loss of power the old contents may be back.
    pub(super) fn write(
        &self,
        path: &StoragePath,
        contents: &[u8],
        scratch: &Dir,
        name: &str,
    ) -> io::Result<()> {
        if let Some(parent) = path.parents().next() {
            self.dir.create_dir_all(parent)?;
        }
        let written = (|| {
            let mut file = scratch.open_with(name, OpenOptions::new().write(true).create_new(true))?;
            file.write_all(contents)?;
            file.sync_all()?;
            scratch.rename(name, &self.dir, path.as_str())
        })();
        if written.is_err() {
            // What is left over is removed at the next opening at the latest; the error that matters is the first.
            let _leftover = scratch.remove_file(name);
        }
        written
    }

    /// Removes a file, and the directories that are empty without it.
    pub(super) fn remove(&self, path: &StoragePath) -> io::Result<()> {
        self.dir.remove_file(path.as_str())?;
        for parent in path.parents() {
            // It fails on the first directory that holds something else, and then no outer one is empty either.
            if self.dir.remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// How many files there are and how large they are together.
    pub(super) fn usage(&self) -> io::Result<Usage> {
        let mut usage = Usage::default();
        self.walk(None, |_path, entry| {
            usage.files += 1;
            usage.bytes += entry.metadata()?.len();
            Ok(())
        })?;
        Ok(usage)
    }

    /// Paths of the files below a directory, in order.
    pub(super) fn list(&self, below: Option<&StoragePath>) -> io::Result<Vec<String>> {
        let mut paths = Vec::new();
        self.walk(below, |path, _entry| {
            paths.push(path);
            Ok(())
        })?;
        paths.sort_unstable();
        Ok(paths)
    }

    /// Visits every regular file below a directory. It holds its own stack, of paths: a deep tree must not overflow the
    /// thread's, and a wide one not the process's descriptors.
    fn walk(
        &self,
        below: Option<&StoragePath>,
        mut visit: impl FnMut(String, &DirEntry) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut places = vec![below.map_or(String::new(), |path| path.as_str().to_owned())];
        while let Some(place) = places.pop() {
            let dir = if place.is_empty() {
                Some(self.dir.try_clone()?)
            } else {
                open_plain_dir(&self.dir, &place)?
            };
            let Some(dir) = dir else { continue };
            for entry in dir.entries()? {
                let entry = entry?;
                // A name that is no text was not written by the storage.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if place.is_empty() { name } else { format!("{place}/{name}") };
                let kind = entry.file_type()?;
                if kind.is_file() {
                    visit(path, &entry)?;
                } else if kind.is_dir() && path.matches('/').count() + 1 < self.max_depth {
                    places.push(path);
                }
            }
        }
        Ok(())
    }
}

/// Opens a directory that is one and no link to one.
fn open_plain_dir(parent: &Dir, name: &str) -> io::Result<Option<Dir>> {
    match if_there(parent.symlink_metadata(name))? {
        Some(found) if found.is_dir() => if_there(parent.open_dir(name)),
        _ => Ok(None),
    }
}

fn make_plain_dir(parent: &Dir, name: &str) -> io::Result<Dir> {
    if let Some(dir) = open_plain_dir(parent, name)? {
        return Ok(dir);
    }
    match parent.create_dir(name) {
        // Another operation was faster, or something that is no directory is in the way.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    open_plain_dir(parent, name)?.ok_or_else(|| ErrorKind::NotADirectory.into())
}

/// What is not there, or is below something that is no directory, is none.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
