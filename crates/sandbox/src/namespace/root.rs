//! Builds the root of a worker from its plan and makes it the root of this mount namespace.
//! It only reads the host's tree: nothing is made, changed or mounted there.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, SFlag, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, chdir, fchdir, unlinkat};

use super::mount_plan::{MountContent, PlannedMount, WorkspaceStore};
use super::namespace_plan::{DEVICES, NamespacePlan};
use super::step::{NamespaceFault, NamespaceStep, at};
use super::sys::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY, Reach};

/// Bytes of the root: it holds directories and empty files, which take none.
const ROOT_BYTES: u64 = 64 * 1024;

/// Directories and files of the root: mount points and what leads to them.
const ROOT_INODES: u64 = 8192;

/// The empty file that is mounted over masked files; its name is gone before the worker starts.
const EMPTY_FILE: &str = ".empty";

/// Clones of what the host has, opened before the root and the user change.
#[derive(Debug)]
pub(super) struct Sources {
    devices: Vec<OwnedFd>,
    /// For each planned mount; `None` if it is made rather than cloned, or optional and missing.
    trees: Vec<Option<OwnedFd>>,
}

impl Sources {
    /// Makes mounts of this namespace private, and clones what is granted.
    pub(super) fn open(plan: &NamespacePlan) -> Result<Self, NamespaceFault> {
        let host_root = openat(AT_FDCWD, "/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(at(NamespaceStep::Private))?;
        sys::mount_setattr(host_root.as_fd(), Reach::AllPrivate, 0).map_err(at(NamespaceStep::Private))?;
        let devices = DEVICES
            .into_iter()
            .map(|name| clone_tree(&Path::new("/dev").join(name), READ_ONLY | NO_SUID | NO_EXEC))
            .collect::<Result<_, _>>()?;
        let trees = plan.mounts.iter().map(Self::tree).collect::<Result<_, _>>()?;
        Ok(Self { devices, trees })
    }

    fn tree(mount: &PlannedMount) -> Result<Option<OwnedFd>, NamespaceFault> {
        let source = match &mount.content {
            MountContent::Clone { source, .. } | MountContent::Workspace(WorkspaceStore::Host { source }) => {
                source
            }
            MountContent::Workspace(WorkspaceStore::Memory { .. }) => return Ok(None),
        };
        let read_only = if mount.is_writable() { 0 } else { READ_ONLY };
        let no_exec = if mount.is_executable() { 0 } else { NO_EXEC };
        match clone_tree(source, NO_SUID | NO_DEV | read_only | no_exec) {
            Ok(tree) => Ok(Some(tree)),
            Err(fault) if mount.is_optional() && fault.errno == Errno::ENOENT as i32 => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

fn clone_tree(source: &Path, flags: u64) -> Result<OwnedFd, NamespaceFault> {
    let shown = || source.to_string_lossy().into_owned();
    let step = || NamespaceStep::CloneTree { path: shown() };
    let name = CString::new(source.as_os_str().as_bytes())
        .map_err(|_nul| NamespaceFault::new(step(), Errno::EINVAL))?;
    let tree = sys::open_tree(AT_FDCWD, &name).map_err(at(step()))?;
    sys::mount_setattr(tree.as_fd(), Reach::AllPrivate, flags)
        .map_err(at(NamespaceStep::MountFlags { path: shown() }))?;
    Ok(tree)
}

/// Builds the root and changes to it. Returns the tops of the workspaces.
pub(super) fn build(
    plan: &NamespacePlan,
    sources: Sources,
) -> Result<Vec<(PathBuf, OwnedFd)>, NamespaceFault> {
    let mut root = Root::attach()?;
    for (name, device) in DEVICES.into_iter().zip(&sources.devices) {
        root.mount(&Path::new("/dev").join(name), device)?;
    }
    root.mount(Path::new("/proc"), &process_files()?)?;
    let mut workspaces = Vec::new();
    for (mount, tree) in plan.mounts.iter().zip(sources.trees) {
        let tree = match (&mount.content, tree) {
            (MountContent::Workspace(WorkspaceStore::Memory { bytes, inodes }), _) => {
                // The top itself counts as one.
                Some(memory_files(*bytes, inodes.saturating_add(1), c"0700", 0)?)
            }
            (_, tree) => tree,
        };
        let Some(tree) = tree else { continue };
        root.mount(&mount.target, &tree)?;
        if matches!(mount.content, MountContent::Workspace(_)) {
            workspaces.push((mount.target.clone(), tree));
        }
    }
    root.mask(&plan.masked)?;
    root.pivot()?;
    Ok(workspaces)
}

/// A new file system in memory.
fn memory_files(bytes: u64, inodes: u64, mode: &CStr, flags: u64) -> Result<OwnedFd, NamespaceFault> {
    let number = |value: u64| CString::new(value.to_string()).expect("digits have no NUL");
    let (size, files) = (number(bytes), number(inodes));
    let options = [(c"size", size.as_c_str()), (c"nr_inodes", files.as_c_str()), (c"mode", mode)];
    new_files(c"tmpfs", &options, NO_SUID | NO_DEV | NO_EXEC | flags)
}

/// The files of the own processes: nothing of the machine, and nothing of processes that may not be traced.
fn process_files() -> Result<OwnedFd, NamespaceFault> {
    new_files(c"proc", &[(c"hidepid", c"invisible"), (c"subset", c"pid")], NO_SUID | NO_DEV | NO_EXEC)
}

fn new_files(kind: &CStr, options: &[(&CStr, &CStr)], flags: u64) -> Result<OwnedFd, NamespaceFault> {
    let make = || {
        let context = sys::fsopen(kind)?;
        for (key, value) in options {
            sys::fsconfig_text(&context, key, value)?;
        }
        sys::fsmount(&context, flags)
    };
    make().map_err(at(NamespaceStep::FileSystem { kind: kind.to_string_lossy().into_owned() }))
}

/// The root while it is being filled, mounted over the host's so that it can be pivoted to.
struct Root {
    top: OwnedFd,
    /// Targets so far: below one, no mount point is made, because that would be in somebody's files.
    mounted: Vec<PathBuf>,
}

impl Root {
    fn attach() -> Result<Self, NamespaceFault> {
        let step = || NamespaceStep::Attach { path: "/".to_owned() };
        let top = memory_files(ROOT_BYTES, ROOT_INODES, c"0755", 0)?;
        let host_root =
            openat(AT_FDCWD, "/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).map_err(at(step()))?;
        sys::move_mount(&top, host_root.as_fd()).map_err(at(step()))?;
        Ok(Self { top, mounted: Vec::new() })
    }

    fn mount(&mut self, target: &Path, tree: &OwnedFd) -> Result<(), NamespaceFault> {
        let shown = || target.to_string_lossy().into_owned();
        let place = self
            .mount_point(target, tree.as_fd())
            .map_err(at(NamespaceStep::MountPoint { path: shown() }))?;
        sys::move_mount(tree, place.as_fd()).map_err(at(NamespaceStep::Attach { path: shown() }))?;
        self.mounted.push(target.to_path_buf());
        Ok(())
    }

    fn mount_point(&self, target: &Path, tree: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
        match self.find(target) {
            Err(Errno::ENOENT) if !self.mounted.iter().any(|above| target.starts_with(above)) => {}
            found => return found,
        }
        let inside = target.strip_prefix("/").unwrap_or(target);
        let parents = inside.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
        for directory in parents.collect::<Vec<_>>().into_iter().rev() {
            self.make_directory(directory)?;
        }
        if is_directory(tree)? {
            self.make_directory(inside)?;
        } else {
            drop(self.make_file(inside)?);
        }
        self.find(target)
    }

    /// Opens a path of the new root. Links are not followed: what is mounted where is the plan's to say.
    fn find(&self, target: &Path) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).resolve(
            ResolveFlag::RESOLVE_IN_ROOT
                | ResolveFlag::RESOLVE_NO_SYMLINKS
                | ResolveFlag::RESOLVE_NO_MAGICLINKS,
        );
        openat2(&self.top, target, how)
    }

    fn make_directory(&self, path: &Path) -> Result<(), Errno> {
        match mkdirat(&self.top, path, Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn make_file(&self, path: &Path) -> Result<File, Errno> {
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        openat(&self.top, path, flags, Mode::from_bits_truncate(0o444)).map(File::from)
    }

    /// Mounts something empty over each path that is there.
    fn mask(&self, paths: &[PathBuf]) -> Result<(), NamespaceFault> {
        if paths.is_empty() {
            return Ok(());
        }
        let step = |path: &str| NamespaceStep::MountPoint { path: path.to_owned() };
        drop(self.make_file(Path::new(EMPTY_FILE)).map_err(at(step(EMPTY_FILE)))?);
        for path in paths {
            let shown = path.to_string_lossy().into_owned();
            let place = match self.find(path) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => continue,
                found => found.map_err(at(step(&shown)))?,
            };
            let nothing = if is_directory(place.as_fd()).map_err(at(step(&shown)))? {
                memory_files(ROOT_BYTES, 1, c"0555", READ_ONLY)?
            } else {
                self.empty_file(&shown)?
            };
            sys::move_mount(&nothing, place.as_fd()).map_err(at(NamespaceStep::Attach { path: shown }))?;
        }
        unlinkat(&self.top, EMPTY_FILE, UnlinkatFlags::NoRemoveDir).map_err(at(step(EMPTY_FILE)))
    }

    fn empty_file(&self, shown: &str) -> Result<OwnedFd, NamespaceFault> {
        let name = CString::new(EMPTY_FILE).expect("the name has no NUL");
        let tree = sys::open_tree(self.top.as_fd(), &name)
            .map_err(at(NamespaceStep::CloneTree { path: EMPTY_FILE.to_owned() }))?;
        sys::mount_setattr(tree.as_fd(), Reach::AllPrivate, READ_ONLY | NO_SUID | NO_DEV | NO_EXEC)
            .map_err(at(NamespaceStep::MountFlags { path: shown.to_owned() }))?;
        Ok(tree)
    }

    /// Makes it the root, takes the host's away, and forbids changes to it.
    fn pivot(self) -> Result<(), NamespaceFault> {
        fchdir(&self.top).map_err(at(NamespaceStep::Pivot))?;
        sys::pivot_root_to_current().map_err(at(NamespaceStep::Pivot))?;
        // The host's root now lies over the current directory.
        sys::detach_current().map_err(at(NamespaceStep::DetachOldRoot))?;
        chdir("/").map_err(at(NamespaceStep::DetachOldRoot))?;
        sys::mount_setattr(self.top.as_fd(), Reach::One, READ_ONLY)
            .map_err(at(NamespaceStep::MountFlags { path: "/".to_owned() }))
    }
}

fn is_directory(descriptor: BorrowedFd<'_>) -> Result<bool, Errno> {
    let kind = SFlag::from_bits_truncate(fstat(descriptor)?.st_mode) & SFlag::S_IFMT;
    Ok(kind == SFlag::S_IFDIR)
}
