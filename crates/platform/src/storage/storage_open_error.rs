//! Why the directory of the file storage cannot be opened, and what to do about it.
//! Errors of a storage that is open are `ServiceError`s.

use std::io;
use std::path::PathBuf;

use crate::setting::SettingErrors;

/// Why the storage cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageOpenError {
    /// The settings cannot be.
    #[error("the settings of the storage are not acceptable")]
    Settings(#[source] SettingErrors),
    /// Another host has it open.
    #[error(
        "open the storage directory `{path}`: it is open already; stop the other host, or give each host a directory of its own"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory cannot be made or used.
    #[error(
        "open the storage directory `{path}`: it must be a directory that this user may read and write, or that can be made"
    )]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
