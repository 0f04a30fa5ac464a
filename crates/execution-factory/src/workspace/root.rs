//! The directory that hosts put their workspaces under, checked before anything is made or removed in it.
//! It belongs to the user the host runs as; who may write to it may redirect what hosts remove.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use plugdock_contracts::workspace::WorkspaceError;

use crate::workspace::directory::{Directory, OWNER_ONLY};
use crate::workspace::failure::io_failure;

/// Opens the root, made with its parents (for the owner alone) when it is not there.
///
/// Returned with its real path: links in front of the last component are resolved once, here.
pub(crate) fn open_root(path: &Path) -> Result<(PathBuf, Directory), WorkspaceError> {
    let create = DirBuilder::new().recursive(true).mode(OWNER_ONLY.bits()).create(path);
    create.map_err(|source| io_failure("create", path, source))?;
    let real = real_path(path).map_err(|source| io_failure("find", path, source))?;
    let root = match Directory::open(&real) {
        Err(Errno::ELOOP | Errno::ENOTDIR) => {
            return Err(unfit(path, "it is a symbolic link; name the directory itself"));
        }
        opened => opened.map_err(|errno| io_failure("open", path, errno))?,
    };
    let status = root.own_status().map_err(|errno| io_failure("inspect", path, errno))?;
    if status.st_uid != geteuid().as_raw() {
        return Err(unfit(path, "it belongs to another user than this program runs as"));
    }
    if Mode::from_bits_truncate(status.st_mode).intersects(Mode::S_IWGRP | Mode::S_IWOTH) {
        return Err(unfit(path, "others may write to it; take that away with `chmod go-w`"));
    }
    Ok((real, root))
}

fn real_path(path: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
        // `/`, or a path that ends in `..`.
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn unfit(path: &Path, reason: &str) -> WorkspaceError {
    WorkspaceError::Invalid { reason: format!("`{}` cannot hold workspaces: {reason}", path.display()) }
}
