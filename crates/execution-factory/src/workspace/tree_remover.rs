//! Removal of directory trees that hostile programs built: iterative, with a fixed number of descriptors, never leaving the tree.
//! It must not be pointed at a directory that a live process is meant to keep using.
//!
//! # How depth is handled
//!
//! A tree may be deeper than `PATH_MAX`, than the stack and than the descriptor limit, so neither paths nor recursion nor
//! one descriptor per level will do. Walking back up through `..` is no way either: a rename during the walk makes `..` lead
//! elsewhere. Instead the tree is **flattened**: a sub-directory that is not empty is first renamed into the top directory under a
//! fresh name, then emptied there, where its own sub-directories are renamed up in turn. At any time the walk holds the top directory
//! and the one being emptied, knows no depth, and never needs a way back. Every call names one component relative to a held descriptor,
//! removes or renames the entry itself (never what a link points to), and a rename out of the tree by somebody else only
//! means that the entry is gone.

use std::ffi::CStr;
use std::io;
use std::path::Path;

use nix::NixPath;
use nix::dir::Type;
use nix::errno::Errno;
use nix::sys::stat::Mode;

use crate::workspace::directory::{Directory, Entry, OWNER_ONLY, shown};
use crate::workspace::removal::{Removal, RemoveError};

/// Entries handled by one removal unless said otherwise. A million files are two million; somebody who keeps
/// creating entries while they are removed must not hold the remover for ever.
pub const DEFAULT_MAX_OPERATIONS: u64 = 16 << 20;

/// How often the top of the tree is opened again after somebody exchanged it meanwhile.
const MAX_ROUNDS: u32 = 16;

/// Names tried when something in the top directory already has the fresh name.
const MAX_NAME_ATTEMPTS: u32 = 64;

/// Removes trees without following links, without recursion and without crossing a mount point.
#[derive(Debug, Clone)]
pub struct TreeRemover {
    max_operations: u64,
}

impl Default for TreeRemover {
    fn default() -> Self {
        Self { max_operations: DEFAULT_MAX_OPERATIONS }
    }
}

impl TreeRemover {
    /// A remover that handles at most [`DEFAULT_MAX_OPERATIONS`] entries per call.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes how many entries one call may handle. An entry counts each time it is looked at.
    #[must_use]
    pub fn max_operations(mut self, operations: u64) -> Self {
        self.max_operations = operations;
        self
    }

    /// Removes what is at `path`, file or tree; nothing there counts as removed. Links in front of the last component are followed,
    /// so `path` is the caller's own; the last component and all beneath it are not.
    ///
    /// This blocks on the file system; async code calls it through a blocking task.
    ///
    /// # Errors
    /// [`RemoveError`] says what is left and why. What could be removed is gone then.
    pub fn remove(&self, path: &Path) -> Result<Removal, RemoveError> {
        let name = path.file_name().ok_or_else(|| RemoveError::Parent(io::ErrorKind::InvalidInput.into()))?;
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let parent = Directory::open_followed(parent).map_err(|errno| RemoveError::Parent(errno.into()))?;
        self.remove_entry(&parent, name)
    }

    /// Removes the entry `name` of a held directory, whatever it is.
    pub(crate) fn remove_entry<N: NixPath + ?Sized>(
        &self,
        parent: &Directory,
        name: &N,
    ) -> Result<Removal, RemoveError> {
        let mut work = Work {
            allowed: self.max_operations,
            left: self.max_operations,
            removal: Removal::default(),
            next: 0,
        };
        for _ in 0..MAX_ROUNDS {
            work.spend()?;
            let refusal = match work.remove_flat(parent, name, None) {
                Flat::Gone => return Ok(work.removal),
                Flat::NotEmpty => match open_for_removal(parent, name) {
                    Ok(top) => {
                        work.empty_top(&top)?;
                        continue;
                    }
                    Err(errno) => errno,
                },
                Flat::Refused(errno) => errno,
            };
            // These say that the entry changed between two calls; anything else will not go away by trying again.
            if !matches!(refusal, Errno::ENOENT | Errno::ENOTDIR | Errno::EISDIR | Errno::ELOOP) {
                return Err(refused(name, refusal));
            }
        }
        Err(RemoveError::Contended { rounds: MAX_ROUNDS })
    }
}

/// How an attempt to remove one entry without looking inside ended.
enum Flat {
    Gone,
    NotEmpty,
    Refused(Errno),
}

/// The state of one removal.
struct Work {
    allowed: u64,
    left: u64,
    removal: Removal,
    next: u64,
}

impl Work {
    /// Empties the top directory, into which deeper ones are moved meanwhile.
    fn empty_top(&mut self, top: &Directory) -> Result<(), RemoveError> {
        self.passes(top, |work, entry| match work.remove_flat(top, &*entry.name, entry.kind) {
            Flat::Gone => Ok(None),
            Flat::Refused(errno) => Ok(Some(errno)),
            Flat::NotEmpty => match open_for_removal(top, &*entry.name) {
                Err(errno) => Ok(Some(errno)),
                Ok(below) => {
                    work.empty_into(&below, top)?;
                    match work.remove_flat(top, &*entry.name, entry.kind) {
                        // Something was created meanwhile; the next pass finds it.
                        Flat::Gone | Flat::NotEmpty => Ok(None),
                        Flat::Refused(errno) => Ok(Some(errno)),
                    }
                }
            },
        })
    }

    /// Empties a directory that lies in `top`: what is not empty itself is moved up.
    fn empty_into(&mut self, below: &Directory, top: &Directory) -> Result<(), RemoveError> {
        self.passes(below, |work, entry| match work.remove_flat(below, &*entry.name, entry.kind) {
            Flat::Gone => Ok(None),
            Flat::Refused(errno) => Ok(Some(errno)),
            Flat::NotEmpty => Ok(work.move_up(below, &entry.name, top).err()),
        })
    }

    /// Runs over a directory until it is empty. `step` says with which error an entry stayed.
    ///
    /// Entries are handled while they are listed; what the listing missed because it changed under way, the next pass finds.
    fn passes<F>(&mut self, dir: &Directory, mut step: F) -> Result<(), RemoveError>
    where
        F: FnMut(&mut Self, &Entry) -> Result<Option<Errno>, RemoveError>,
    {
        loop {
            let (mut seen, mut stayed, mut first) = (0_u64, 0_u64, None);
            let entries = match dir.entries() {
                // Somebody else removed the directory itself, which can be done only to an empty one.
                Err(Errno::ENOENT) => return Ok(()),
                opened => opened.map_err(|errno| refused(c".", errno))?,
            };
            for entry in entries {
                let entry = entry.map_err(|errno| refused(c".", errno))?;
                self.spend()?;
                seen += 1;
                if let Some(errno) = step(self, &entry)? {
                    stayed += 1;
                    first.get_or_insert((entry.name, errno));
                }
            }
            match first {
                None if seen == 0 => return Ok(()),
                // Nothing moved in a whole pass, so another one would do the same.
                Some((name, errno)) if stayed == seen => return Err(refused(&*name, errno)),
                _ => {}
            }
        }
    }

    /// Removes an entry that is a file of any kind or an empty directory.
    fn remove_flat<N: NixPath + ?Sized>(&mut self, dir: &Directory, name: &N, kind: Option<Type>) -> Flat {
        let mut as_directory = !matches!(kind, Some(kind) if kind != Type::Directory);
        let mut made_accessible = false;
        // Four: each of the two ways once, and each again after access was restored.
        for _ in 0..4 {
            let outcome = if as_directory { dir.remove_empty(name) } else { dir.unlink(name) };
            match outcome {
                Ok(()) => {
                    *(if as_directory { &mut self.removal.directories } else { &mut self.removal.files }) +=
                        1;
                    return Flat::Gone;
                }
                Err(Errno::ENOENT) => return Flat::Gone,
                Err(Errno::ENOTDIR) if as_directory => as_directory = false,
                Err(Errno::EISDIR) if !as_directory => as_directory = true,
                // Two spellings of "not empty"; file systems differ.
                Err(Errno::ENOTEMPTY | Errno::EEXIST) if as_directory => return Flat::NotEmpty,
                // The directory's mode, set before or put back meanwhile, keeps even its owner from changing it.
                Err(Errno::EACCES) if !made_accessible && dir.make_accessible().is_ok() => {
                    made_accessible = true;
                }
                Err(errno) => return Flat::Refused(errno),
            }
        }
        // The entry alternates between file and directory faster than this; a later pass meets it again.
        Flat::Refused(Errno::EBUSY)
    }

    /// Renames a directory of `below` into `top` under a name nothing has.
    fn move_up(&mut self, below: &Directory, name: &CStr, top: &Directory) -> nix::Result<()> {
        let mut made_accessible = false;
        for _ in 0..MAX_NAME_ATTEMPTS {
            self.next += 1;
            let fresh = format!(".removing-{}", self.next);
            match below.rename(name, top, fresh.as_str()) {
                Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR | Errno::EISDIR) => {}
                // Moving a directory rewrites its `..`, for which its owner needs write access to it.
                Err(Errno::EACCES) if !made_accessible => {
                    drop(below.child_made_accessible(name)?);
                    made_accessible = true;
                }
                // Gone, or moved.
                Ok(()) | Err(Errno::ENOENT) => return Ok(()),
                Err(errno) => return Err(errno),
            }
        }
        Err(Errno::EEXIST)
    }

    fn spend(&mut self) -> Result<(), RemoveError> {
        self.left = self.left.checked_sub(1).ok_or(RemoveError::Exhausted { operations: self.allowed })?;
        Ok(())
    }
}

fn refused<N: NixPath + ?Sized>(name: &N, errno: Errno) -> RemoveError {
    // The conversion fails only for a name with a NUL inside, which no system call accepted before.
    let entry = name.with_nix_path(shown).unwrap_or_default();
    RemoveError::Entry { entry, source: errno.into() }
}

/// Opens a directory with everything its owner needs to empty it.
fn open_for_removal<N: NixPath + ?Sized>(parent: &Directory, name: &N) -> nix::Result<Directory> {
    let dir = match parent.child(name) {
        Err(Errno::EACCES) => return parent.child_made_accessible(name),
        opened => opened?,
    };
    if !Mode::from_bits_truncate(dir.own_status()?.st_mode).contains(OWNER_ONLY) {
        dir.make_accessible()?;
    }
    Ok(dir)
}
