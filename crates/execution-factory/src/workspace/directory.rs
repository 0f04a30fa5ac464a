//! A directory held by descriptor, and the few operations on its entries that cannot be led outside it.
//! Everything that touches files a plugin wrote goes through here; no path with more than one component is ever resolved.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::NixPath;
use nix::dir::{Dir, OwningIter, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, renameat};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmod, fchmodat, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Read, write and search for the owner, nothing for anybody else.
pub(crate) const OWNER_ONLY: Mode = Mode::S_IRWXU;

/// Read and write for the owner, nothing for anybody else.
pub(crate) const OWNER_FILE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// What stays the same about a file however it is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(crate) fn of(status: &FileStat) -> Self {
        Self { device: status.st_dev, inode: status.st_ino }
    }
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory {
    fd: OwnedFd,
    identity: Identity,
}

/// One entry as the directory lists it. The kind is a hint: the entry may be something else by now.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: CString,
    pub(crate) kind: Option<Type>,
}

impl Directory {
    /// Opens a directory by path. The last component must not be a symbolic link; those before it may be.
    pub(crate) fn open(path: &Path) -> nix::Result<Self> {
        Self::from_fd(openat(AT_FDCWD, path, directory_flags(), Mode::empty())?)
    }

    /// Opens a directory by path, through links. For paths that are the caller's own.
    pub(crate) fn open_followed(path: &Path) -> nix::Result<Self> {
        // With `.` as its last component the path is resolved to the end.
        Self::open(&path.join("."))
    }

    /// Opens a sub-directory. A symbolic link is refused (`ELOOP` or `ENOTDIR`), a mount point too (`EXDEV`).
    pub(crate) fn child<N: NixPath + ?Sized>(&self, name: &N) -> nix::Result<Self> {
        self.child_with(name, directory_flags())
    }

    /// Opens a sub-directory whose mode may refuse its owner, after giving the owner full access.
    ///
    /// The path-only descriptor pins the inode, so that the mode of nothing else is changed, whatever is renamed meanwhile.
    pub(crate) fn child_made_accessible<N: NixPath + ?Sized>(&self, name: &N) -> nix::Result<Self> {
        let pinned =
            self.child_with(name, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)?;
        // `fchmod` refuses a path-only descriptor; its entry in /proc is the documented way round.
        let link = format!("/proc/self/fd/{}", pinned.fd.as_raw_fd());
        fchmodat(AT_FDCWD, link.as_str(), OWNER_ONLY, FchmodatFlags::FollowSymlink)?;
        Self::from_fd(openat(&pinned.fd, c".", directory_flags(), Mode::empty())?)
    }

    /// The same directory on another descriptor.
    pub(crate) fn reopened(&self) -> nix::Result<Self> {
        Self::from_fd(openat(&self.fd, c".", directory_flags(), Mode::empty())?)
    }

    /// The directory above. The caller compares its identity with the one it came down through.
    pub(crate) fn above(&self) -> nix::Result<Self> {
        Self::from_fd(openat(&self.fd, c"..", directory_flags(), Mode::empty())?)
    }

    /// Makes a sub-directory for the owner alone; `EEXIST` when anything has that name.
    pub(crate) fn make<N: NixPath + ?Sized>(&self, name: &N) -> nix::Result<Self> {
        mkdirat(&self.fd, name, OWNER_ONLY)?;
        self.child(name)
    }

    /// The sub-directory of that name, made with `mode` (less the umask) when there is none.
    pub(crate) fn child_or_make<N: NixPath + ?Sized>(&self, name: &N, mode: Mode) -> nix::Result<Self> {
        match mkdirat(&self.fd, name, mode) {
            Ok(()) | Err(Errno::EEXIST) => self.child(name),
            Err(errno) => Err(errno),
        }
    }

    /// Opens an entry for reading without following a link and without waiting for the other end of a FIFO.
    pub(crate) fn read<N: NixPath + ?Sized>(&self, name: &N) -> nix::Result<File> {
        let flags =
            OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        openat(&self.fd, name, flags, Mode::empty()).map(File::from)
    }

    /// Makes a new file with `mode` (less the umask); `EEXIST` when anything has that name, a dangling link included.
    pub(crate) fn create<N: NixPath + ?Sized>(&self, name: &N, mode: Mode) -> nix::Result<File> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.fd, name, flags, mode).map(File::from)
    }

    /// Removes an entry that is no directory.
    pub(crate) fn unlink<N: NixPath + ?Sized>(&self, name: &N) -> nix::Result<()> {
        unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir)
    }

    /// Removes an empty sub-directory.
    pub(crate) fn remove_empty<N: NixPath + ?Sized>(&self, name: &N) -> nix::Result<()> {
        unlinkat(&self.fd, name, UnlinkatFlags::RemoveDir)
    }

    /// Moves an entry, whatever it is, to another directory of the same file system.
    pub(crate) fn rename<N, M>(&self, name: &N, to: &Self, new_name: &M) -> nix::Result<()>
    where
        N: NixPath + ?Sized,
        M: NixPath + ?Sized,
    {
        renameat(&self.fd, name, &to.fd, new_name)
    }

    /// What an entry is, itself, not what a link points to.
    pub(crate) fn status<N: NixPath + ?Sized>(&self, name: &N) -> nix::Result<FileStat> {
        fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    /// What the directory itself is.
    pub(crate) fn own_status(&self) -> nix::Result<FileStat> {
        fstat(&self.fd)
    }

    /// Gives the owner full access to this directory.
    pub(crate) fn make_accessible(&self) -> nix::Result<()> {
        fchmod(&self.fd, OWNER_ONLY)
    }

    /// Reads the entries one by one, without `.` and `..`, on a descriptor of its own.
    pub(crate) fn entries(&self) -> nix::Result<Entries> {
        Ok(Entries(Dir::from_fd(self.reopened()?.fd)?.into_iter()))
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether `path` still leads to this very directory.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        nix::sys::stat::stat(path).is_ok_and(|status| Identity::of(&status) == self.identity)
    }

    fn from_fd(fd: OwnedFd) -> nix::Result<Self> {
        let identity = Identity::of(&fstat(&fd)?);
        Ok(Self { fd, identity })
    }

    fn child_with<N: NixPath + ?Sized>(&self, name: &N, flags: OFlag) -> nix::Result<Self> {
        // The resolver refuses bind mounts of the same device as well, which comparing devices cannot see.
        let how = OpenHow::new().flags(flags).resolve(
            ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV,
        );
        let fd = match openat2(&self.fd, name, how) {
            // A kernel before 5.6, or a filter that does not know the call: `O_NOFOLLOW` and the device below remain.
            Err(Errno::ENOSYS | Errno::EPERM) => openat(&self.fd, name, flags, Mode::empty())?,
            opened => opened?,
        };
        let child = Self::from_fd(fd)?;
        if child.identity.device == self.identity.device { Ok(child) } else { Err(Errno::EXDEV) }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The entries of a directory, read as they are asked for.
pub(crate) struct Entries(OwningIter);

impl Iterator for Entries {
    type Item = nix::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.next()? {
                Err(errno) => return Some(Err(errno)),
                Ok(entry) if is_dot(entry.file_name()) => {}
                Ok(entry) => {
                    return Some(Ok(Entry { name: entry.file_name().to_owned(), kind: entry.file_type() }));
                }
            }
        }
    }
}

fn is_dot(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

fn directory_flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

/// The kind bits of a mode.
pub(crate) fn kind_of(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}

/// A name as people may read it in a log line or an error: escaped, and shortened to 120 characters.
pub(crate) fn shown(name: &CStr) -> String {
    let text = name.to_string_lossy();
    let mut shown: String = text.chars().take(120).flat_map(char::escape_debug).collect();
    if text.chars().count() > 120 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_operation_on_an_entry_follows_a_link() {
        let temporary = tempfile::tempdir().unwrap();
        let outside = temporary.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "x").unwrap();
        symlink(&outside, temporary.path().join("to-dir")).unwrap();
        symlink(outside.join("file"), temporary.path().join("to-file")).unwrap();
        symlink(outside.join("absent"), temporary.path().join("to-nothing")).unwrap();
        let dir = Directory::open(temporary.path()).unwrap();

        assert!(Directory::open(&temporary.path().join("to-dir")).is_err());
        for refused in [
            dir.child("to-dir"),
            dir.child_made_accessible("to-dir"),
            dir.child_or_make("to-dir", OWNER_ONLY),
        ] {
            assert!(matches!(refused, Err(Errno::ELOOP | Errno::ENOTDIR)), "{refused:?}");
        }
        assert!(matches!(dir.read("to-file"), Err(Errno::ELOOP)));
        assert!(matches!(dir.create("to-nothing", OWNER_FILE), Err(Errno::EEXIST)));
        assert_eq!(kind_of(&dir.status("to-file").unwrap()), SFlag::S_IFLNK);
        dir.rename("to-file", &dir, "moved").unwrap();
        assert!(dir.remove_empty("to-dir").is_err());
        for link in ["to-dir", "moved", "to-nothing"] {
            dir.unlink(link).unwrap();
        }
        assert!(outside.join("file").exists());
    }

    #[test]
    fn reading_a_fifo_does_not_wait_for_a_writer() {
        let temporary = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&temporary.path().join("fifo"), OWNER_FILE).unwrap();
        let fifo = Directory::open(temporary.path()).unwrap().read("fifo").unwrap();
        assert_eq!(kind_of(&fstat(&fifo).unwrap()), SFlag::S_IFIFO);
    }

    #[test]
    fn a_name_with_several_components_does_not_leave_the_directory() {
        let temporary = tempfile::tempdir().unwrap();
        let inner = temporary.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        assert!(Directory::open(&inner).unwrap().child("../inner").is_err());
    }

    #[test]
    fn another_file_system_is_not_entered() {
        // `/proc` and `/dev` are mounts of their own on any machine with processes.
        let root = Directory::open(Path::new("/")).unwrap();
        assert!(matches!(root.child("proc"), Err(Errno::EXDEV)));
    }

    #[test]
    fn shown_names_are_printable_and_short() {
        assert_eq!(shown(c"plain"), "plain");
        assert_eq!(shown(c"new\nline\xff"), "new\\nline\u{fffd}");
        let long = CString::new("n".repeat(300)).unwrap();
        assert_eq!(shown(&long).chars().count(), 121);
    }
}
