//! What is to be mounted in a worker's root, and how grants that overlap become a list of mounts.
//! It looks at no file: paths are text here.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::namespace_plan::NamespacePlanError;

/// A path of the host that the worker is to see. It is never set-user-id and never a device there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MountGrant {
    /// The path on the host, a file or a directory with all that is mounted below.
    pub(crate) source: PathBuf,
    /// The path in the worker's root.
    pub(crate) target: PathBuf,
    /// Whether files of it may be run or mapped executable.
    pub(crate) executable: bool,
    /// Whether it may be changed.
    pub(crate) writable: bool,
    /// Whether a source that is not there is left out rather than an error.
    pub(crate) optional: bool,
}

/// A directory the worker may write to. Nothing in it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkspaceMount {
    /// The path in the worker's root.
    pub(crate) target: PathBuf,
    /// Where its files are kept.
    pub(crate) store: WorkspaceStore,
}

/// Where the files of a workspace are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum WorkspaceStore {
    /// In memory, gone when nobody has it open any more.
    Memory {
        /// Most bytes of file content.
        bytes: u64,
        /// Most files and directories.
        inodes: u64,
    },
    /// In a directory of the host, which the worker's user outside must be able to use.
    Host {
        /// The directory.
        source: PathBuf,
    },
}

/// One mount of the worker's root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedMount {
    /// The path in the worker's root.
    pub(crate) target: PathBuf,
    /// What is there.
    pub(crate) content: MountContent,
}

/// What a mount shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum MountContent {
    /// A granted path of the host.
    Clone {
        /// The path on the host.
        source: PathBuf,
        /// As in [`MountGrant`].
        executable: bool,
        /// As in [`MountGrant`].
        writable: bool,
        /// As in [`MountGrant`].
        optional: bool,
    },
    /// A workspace.
    Workspace(WorkspaceStore),
}

impl PlannedMount {
    pub(super) const fn is_writable(&self) -> bool {
        matches!(self.content, MountContent::Clone { writable: true, .. } | MountContent::Workspace(_))
    }

    pub(super) const fn is_executable(&self) -> bool {
        matches!(self.content, MountContent::Clone { executable: true, .. })
    }

    pub(super) const fn is_optional(&self) -> bool {
        matches!(self.content, MountContent::Clone { optional: true, .. })
    }

    fn from_grant(grant: MountGrant) -> Self {
        let MountGrant { source, target, executable, writable, optional } = grant;
        Self { target, content: MountContent::Clone { source, executable, writable, optional } }
    }
}

/// Merges grants and workspaces into mounts, each target once, a parent before what is mounted in it.
///
/// Grants add up: what a grant of a directory allows holds for a path below it as well, so a grant below that adds
/// nothing is left out, and one that adds something has both.
pub(super) fn merge(
    grants: Vec<MountGrant>,
    workspaces: Vec<WorkspaceMount>,
) -> Result<Vec<PlannedMount>, NamespacePlanError> {
    let mut wanted: Vec<PlannedMount> = grants.into_iter().map(PlannedMount::from_grant).collect();
    wanted.extend(workspaces.into_iter().map(|workspace| PlannedMount {
        target: workspace.target,
        content: MountContent::Workspace(workspace.store),
    }));
    for mount in &mut wanted {
        mount.target = normal(&mount.target)?;
        match &mut mount.content {
            MountContent::Clone { source, .. } | MountContent::Workspace(WorkspaceStore::Host { source }) => {
                *source = normal(source)?;
            }
            MountContent::Workspace(WorkspaceStore::Memory { .. }) => {}
        }
        if is_reserved(&mount.target) {
            return Err(NamespacePlanError::Reserved { path: mount.target.clone() });
        }
    }
    // Paths compare by component, so a directory comes before everything below it.
    wanted.sort_by(|one, other| one.target.cmp(&other.target));
    let mut same_target: Vec<PlannedMount> = Vec::new();
    for mount in wanted {
        match same_target.last_mut() {
            Some(last) if last.target == mount.target => unite(last, &mount)?,
            _ => same_target.push(mount),
        }
    }
    let mut kept: Vec<PlannedMount> = Vec::new();
    for mut mount in same_target {
        if !is_covered(&kept, &mut mount)? {
            kept.push(mount);
        }
    }
    Ok(kept)
}

/// Makes one mount of two with the same target.
fn unite(kept: &mut PlannedMount, more: &PlannedMount) -> Result<(), NamespacePlanError> {
    if kept == more {
        return Ok(());
    }
    match (&mut kept.content, &more.content) {
        (
            MountContent::Clone { source, executable, writable, optional },
            MountContent::Clone { source: other, executable: run, writable: write, optional: may_lack },
        ) if source == other => {
            *executable |= run;
            *writable |= write;
            *optional &= may_lack;
            Ok(())
        }
        _ => Err(NamespacePlanError::Conflict { path: more.target.clone() }),
    }
}

/// Whether the nearest mount above already shows what `mount` is to show; if it shows less, `mount` gets its part.
fn is_covered(kept: &[PlannedMount], mount: &mut PlannedMount) -> Result<bool, NamespacePlanError> {
    // The list is sorted, so of all that are above, the last is the nearest.
    let Some(above) = kept.iter().rev().find(|above| mount.target.starts_with(&above.target)) else {
        return Ok(false);
    };
    if matches!(above.content, MountContent::Workspace(WorkspaceStore::Memory { .. })) {
        // Its mount point would be a file of the worker's, for the worker to find and count.
        return Err(NamespacePlanError::InsideWorkspace { path: mount.target.clone() });
    }
    let below = mount.target.strip_prefix(&above.target).unwrap_or(Path::new(""));
    let (
        MountContent::Clone { source: top, executable: can_run, writable: can_write, optional: may_lack },
        MountContent::Clone { source, executable, writable, optional },
    ) = (&above.content, &mut mount.content)
    else {
        return Ok(false);
    };
    if top.join(below) != *source {
        return Ok(false);
    }
    *executable |= can_run;
    *writable |= can_write;
    Ok((*executable, *writable) == (*can_run, *can_write) && (*optional || !*may_lack))
}

/// The path without `.`, doubled or trailing separators.
pub(super) fn normal(path: &Path) -> Result<PathBuf, NamespacePlanError> {
    let odd = |component| !matches!(component, Component::RootDir | Component::Normal(_));
    if !path.is_absolute()
        || path.components().any(odd)
        || path.to_str().is_none_or(|text| text.contains('\0'))
    {
        return Err(NamespacePlanError::Malformed { path: path.to_path_buf() });
    }
    Ok(path.components().collect())
}

/// The root itself and what init puts there.
fn is_reserved(target: &Path) -> bool {
    target == Path::new("/") || ["/dev", "/proc"].iter().any(|own| target.starts_with(own))
}
