//! How a failed file operation becomes the error callers see.
//! It adds the verb and the path, and decides nothing.

use std::io;
use std::path::Path;

use plugdock_contracts::workspace::WorkspaceError;

use crate::workspace::removal::RemoveError;

/// The error of a step: "failed to {action} `{path}`".
pub(crate) fn io_failure(action: &'static str, path: &Path, source: impl Into<io::Error>) -> WorkspaceError {
    WorkspaceError::Io { action, path: path.to_owned(), source: source.into() }
}

/// The error of a tree that could not be removed.
pub(crate) fn removal_failure(path: &Path, error: RemoveError) -> WorkspaceError {
    io_failure("remove", path, io::Error::other(error))
}

/// A blocking task that did not finish: it panicked, or the runtime is shutting down.
pub(crate) fn task_failure(
    action: &'static str,
    path: &Path,
    error: tokio::task::JoinError,
) -> WorkspaceError {
    io_failure(action, path, io::Error::other(error))
}
