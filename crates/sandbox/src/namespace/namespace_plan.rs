//! The namespaces and the root of a worker as plain data.
//! It is computed without looking at the machine: what of it exists is found out when it is put in force.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::identity_map::IdentityMap;
use super::kind::NamespaceKind;
use super::mount_plan::{
    MountContent, MountGrant, PlannedMount, WorkspaceMount, WorkspaceStore, merge, normal,
};

/// The longest host name the kernel takes.
const MAX_HOST_NAME: usize = 64;

/// The devices of a worker's `/dev`: those without which programs do not run, and through which nothing leaves.
pub(super) const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];

/// What cannot become a root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NamespacePlanError {
    /// A path that is not absolute, climbs, is no text or has a NUL.
    #[error("`{}` is no absolute path without `..`", path.display())]
    Malformed {
        /// The path.
        path: PathBuf,
    },
    /// A target that init fills.
    #[error("`{}` cannot be mounted: a worker has its own", path.display())]
    Reserved {
        /// The path.
        path: PathBuf,
    },
    /// Two different things for one target.
    #[error("`{}` is to be two different things", path.display())]
    Conflict {
        /// The path.
        path: PathBuf,
    },
    /// A target in a workspace that is kept in memory.
    #[error("`{}` lies in a workspace that starts empty", path.display())]
    InsideWorkspace {
        /// The path.
        path: PathBuf,
    },
    /// A memory workspace without a bound: zero means unlimited to the kernel.
    #[error("the workspace `{}` needs a size and a number of files", path.display())]
    Unbounded {
        /// The path.
        path: PathBuf,
    },
    /// A host name that is empty or too long, or has other characters than letters, digits and hyphens.
    #[error("`{name}` is no host name")]
    HostName {
        /// The name.
        name: String,
    },
}

/// What a worker sees of the machine: namespaces of its own, and a root with nothing but this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamespacePlan {
    /// Who the worker is outside.
    pub(crate) identity_map: IdentityMap,
    /// The name it finds for its machine.
    pub(crate) hostname: String,
    /// What is mounted beside `/dev` and `/proc`, each target once, a parent before what is mounted in it.
    pub(crate) mounts: Vec<PlannedMount>,
    /// Paths of the new root over which something empty is mounted, if they exist by then.
    pub(crate) masked: Vec<PathBuf>,
}

impl NamespacePlan {
    /// The plan for what is granted.
    ///
    /// # Errors
    /// When a path is malformed or reserved, when one target would be two things, or when the name is no host name.
    pub(crate) fn compute(
        identity_map: IdentityMap,
        hostname: &str,
        grants: Vec<MountGrant>,
        workspaces: Vec<WorkspaceMount>,
        masked: &[PathBuf],
    ) -> Result<Self, NamespacePlanError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if hostname.is_empty() || hostname.len() > MAX_HOST_NAME || !hostname.bytes().all(plain) {
            return Err(NamespacePlanError::HostName { name: hostname.to_owned() });
        }
        for workspace in &workspaces {
            if let WorkspaceStore::Memory { bytes, inodes } = workspace.store
                && (bytes == 0 || inodes == 0)
            {
                return Err(NamespacePlanError::Unbounded { path: workspace.target.clone() });
            }
        }
        let mounts = merge(grants, workspaces)?;
        let mut masked = masked.iter().map(|path| normal(path)).collect::<Result<Vec<_>, _>>()?;
        masked.sort_unstable();
        // What lies below a masked directory is hidden with it.
        let mut hidden: Vec<PathBuf> = Vec::new();
        for path in masked {
            if !hidden.iter().any(|above| path.starts_with(above)) {
                hidden.push(path);
            }
        }
        Ok(Self { identity_map, hostname: hostname.to_owned(), mounts, masked: hidden })
    }

    /// One line that is equal for plans which show a worker the same. The worker's number outside and the host's
    /// directory behind a workspace differ from worker to worker and are not part of it.
    pub(crate) fn identity(&self) -> String {
        let kinds: Vec<_> = NamespaceKind::ALL.into_iter().map(NamespaceKind::as_str).collect();
        let mut text =
            format!("ns={};id={};host={}", kinds.join("+"), self.identity_map.as_str(), self.hostname);
        for mount in &self.mounts {
            let rights = match (mount.is_writable(), mount.is_executable()) {
                (false, false) => "ro",
                (false, true) => "ro+exec",
                (true, false) => "rw",
                (true, true) => "rw+exec",
            };
            let target = quoted(&mount.target);
            match &mount.content {
                MountContent::Clone { source, optional, .. } => {
                    let mark = if *optional { "?" } else { "" };
                    write!(text, ";{rights}{mark}:{}>{target}", quoted(source))
                }
                MountContent::Workspace(WorkspaceStore::Memory { bytes, inodes }) => {
                    write!(text, ";memory={bytes}/{inodes}:{target}")
                }
                MountContent::Workspace(WorkspaceStore::Host { .. }) => {
                    write!(text, ";workspace:{target}")
                }
            }
            .expect("writing to a String cannot fail");
        }
        for path in &self.masked {
            write!(text, ";masked:{}", quoted(path)).expect("writing to a String cannot fail");
        }
        text
    }

    /// The names that a listing of the worker's root shows, when every optional mount is there.
    pub(crate) fn root_entries(&self) -> Vec<String> {
        let own = ["dev".to_owned(), "proc".to_owned()];
        let first = |mount: &PlannedMount| {
            mount.target.components().nth(1).map(|name| name.as_os_str().to_string_lossy().into_owned())
        };
        let mut entries: Vec<String> = self.mounts.iter().filter_map(first).chain(own).collect();
        entries.sort_unstable();
        entries.dedup();
        entries
    }
}

/// In quotes, with escapes, so that no path can look like the rest of a line.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}
