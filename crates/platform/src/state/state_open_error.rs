//! Why the file of the persistent state cannot be opened, and what to do about it.
//! Errors of a store that is open are `ServiceError`s.

use std::io;
use std::path::PathBuf;

use crate::setting::SettingErrors;

/// Why the state cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateOpenError {
    /// The settings cannot be.
    #[error("the settings of the state are not acceptable")]
    Settings(#[source] SettingErrors),
    /// The file or its directory cannot be made or opened.
    #[error(
        "open the state file `{path}`: it must be a file that this user may read and write, in a directory that exists or can be made"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another host has it open.
    #[error(
        "open the state file `{path}`: it is open already; stop the other host, or give each host a file of its own"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is no state file, or a damaged one.
    #[error(
        "open the state file `{path}`: it is damaged or no state file; move it away to start empty, or restore a copy"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: Box<redb::Error>,
    },
    /// It was written in another layout.
    #[error(
        "open the state file `{path}`: its layout is {found}, this host knows {known}; use the host that wrote it, or move it away"
    )]
    Layout {
        /// The file.
        path: PathBuf,
        /// The layout of the file.
        found: u64,
        /// The layout that is known.
        known: u64,
    },
}
