//! Copies of the files a request wants to find in its fresh workspace.
//! It writes only into directories that no plugin has seen yet, and still creates every file exclusively.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use plugdock_contracts::ByteSize;
use plugdock_contracts::workspace::{SeedFile, WorkspaceError};

use crate::workspace::directory::{Directory, OWNER_FILE, OWNER_ONLY};
use crate::workspace::failure::io_failure;

/// Copies the files into `work`, all together not more than `limit`.
pub(crate) fn copy_seeds(
    work: &Directory,
    work_path: &Path,
    files: &[SeedFile],
    limit: Option<ByteSize>,
) -> Result<(), WorkspaceError> {
    let mut left = limit.map(ByteSize::bytes);
    for seed in files {
        let parts = name_parts(&seed.name)?;
        let source = open_source(&seed.source)?;
        let path = work_path.join(&seed.name);
        let mut target = create(work, &parts).map_err(|errno| io_failure("create", &path, errno))?;
        // One byte more than may be is enough to see that it is too many.
        let mut bounded = source.take(left.map_or(u64::MAX, |left| left.saturating_add(1)));
        let copied =
            io::copy(&mut bounded, &mut target).map_err(|source| io_failure("write", &path, source))?;
        if let (Some(rest), Some(limit)) = (&mut left, limit) {
            *rest = rest.checked_sub(copied).ok_or(WorkspaceError::OverLimit { limit })?;
        }
    }
    Ok(())
}

/// The components of a relative name without `.`, `..`, empty parts and NUL.
fn name_parts(name: &str) -> Result<Vec<&str>, WorkspaceError> {
    let parts: Vec<&str> = name.split('/').collect();
    let fit = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains('\0');
    if parts.iter().all(fit) {
        return Ok(parts);
    }
    let name = name.escape_debug();
    Err(WorkspaceError::Invalid {
        reason: format!("file name `{name}` is not relative and free of `.` and `..`"),
    })
}

/// Opens a file of the host, which may be reached through links: the caller named it.
fn open_source(path: &Path) -> Result<File, WorkspaceError> {
    // Without `O_NONBLOCK` a FIFO would hold the acquisition for ever.
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|source| io_failure("open", path, source))?;
    let metadata = file.metadata().map_err(|source| io_failure("inspect", path, source))?;
    if metadata.is_file() {
        return Ok(file);
    }
    Err(WorkspaceError::Invalid {
        reason: format!("`{}` is no regular file, and only those are copied", path.display()),
    })
}

fn create(work: &Directory, parts: &[&str]) -> nix::Result<File> {
    let (name, above) = parts.split_last().expect("splitting a text yields at least one part");
    let mut dir = work.reopened()?;
    for part in above {
        dir = dir.child_or_make(*part, OWNER_ONLY)?;
    }
    dir.create(*name, OWNER_FILE)
}
