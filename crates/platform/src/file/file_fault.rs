//! What can go wrong with a file, and what its plugin is told.
//! A refusal that belongs to a grant is decided before; what is refused here was only seen on disk.

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::permission::{Denial, NormalPath, PathRoot, PermissionKind};
use plugdock_contracts::service::ServiceError;
use rustix::io::Errno;
use serde_json::json;

use super::SERVICE;

/// Why an operation was not done.
#[derive(Debug)]
pub(super) enum FileFault {
    /// A symbolic link is on the way or at its end.
    Link,
    /// A mount is on the way, below where the grant begins.
    Mount,
    /// Something is not as the operation needs it.
    Unfit(Unfit),
    /// The file is larger than the bound.
    TooLarge { size: u64, limit: u64 },
    /// The directory holds more names than the bound.
    TooMany { limit: usize },
    /// The directory that a root means is not there, or is none.
    NoRoot(Option<Errno>),
    /// The system refused.
    System(Errno),
}

/// What is not as an operation needs it. A plugin can tell them apart by [`Unfit::reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    Missing,
    NoFile,
    NoDirectory,
    NotEmpty,
    Root,
    OtherFileSystem,
}

impl Unfit {
    /// A word for programs.
    fn reason(self) -> &'static str {
        match self {
            Self::Missing => "not_found",
            Self::NoFile => "not_a_file",
            Self::NoDirectory => "not_a_directory",
            Self::NotEmpty => "not_empty",
            Self::Root => "root",
            Self::OtherFileSystem => "other_file_system",
        }
    }

    /// A sentence for people, behind the path.
    fn words(self) -> &'static str {
        match self {
            Self::Missing => "is not there",
            Self::NoFile => "is no regular file",
            Self::NoDirectory => "is no directory, or something above it is none",
            Self::NotEmpty => "is a directory that is not empty",
            Self::Root => "is a root, which stays as it is",
            Self::OtherFileSystem => "cannot be renamed to another file system",
        }
    }
}

impl From<Errno> for FileFault {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::LOOP => Self::Link,
            Errno::XDEV => Self::Mount,
            Errno::NOENT => Self::Unfit(Unfit::Missing),
            Errno::NOTDIR => Self::Unfit(Unfit::NoDirectory),
            // A socket, or a pipe that nobody reads.
            Errno::ISDIR | Errno::NXIO => Self::Unfit(Unfit::NoFile),
            Errno::NOTEMPTY => Self::Unfit(Unfit::NotEmpty),
            other => Self::System(other),
        }
    }
}

impl From<std::io::Error> for FileFault {
    fn from(error: std::io::Error) -> Self {
        Self::from(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

impl FileFault {
    /// The error as the plugin gets it.
    pub(super) fn into_error(
        self,
        kind: PermissionKind,
        path: &NormalPath,
        action: &'static str,
    ) -> ServiceError {
        let subject = path.to_string();
        let denied = |rule: &str| ServiceError::Denied(Denial::by_rule(kind, &subject, rule));
        match self {
            Self::Link => denied("a symbolic link on the way is never followed"),
            Self::Mount => denied("a mount below the place where the grant begins is never entered"),
            Self::Unfit(unfit) => {
                let message = format!("{SERVICE}: {subject:?} {}", unfit.words());
                let details = json!({ "reason": unfit.reason(), "path": subject });
                let error = ExecutionError::new(ErrorCode::ValidationError, message).with_details(details);
                ServiceError::Execution(error)
            }
            Self::TooLarge { size, limit } => ServiceError::TooLarge { service: SERVICE, size, limit },
            Self::TooMany { limit } => {
                let reason = format!("max_listed is {limit}, and {subject:?} holds more");
                ServiceError::Quota { service: SERVICE, reason }
            }
            Self::NoRoot(errno) => no_root(path.root(), errno),
            Self::System(errno) if path.root() == PathRoot::Absolute => {
                let source = std::io::Error::from(errno).into();
                ServiceError::Failed { service: SERVICE, action, source }
            }
            Self::System(errno) => {
                let source = std::io::Error::from(errno);
                let message = format!("{SERVICE}: failed to {action} {subject:?}: {source}");
                ServiceError::Execution(ExecutionError::new(ErrorCode::WorkspaceError, message))
            }
        }
    }
}

fn no_root(root: PathRoot, errno: Option<Errno>) -> ServiceError {
    let root = root.as_str();
    let message = match errno {
        None => format!("{SERVICE}: this execution has no directory `{root}` that the host can open"),
        Some(errno) => {
            let source = std::io::Error::from(errno);
            format!("{SERVICE}: the directory `{root}` of this execution cannot be opened: {source}")
        }
    };
    ServiceError::Execution(ExecutionError::new(ErrorCode::WorkspaceError, message))
}
