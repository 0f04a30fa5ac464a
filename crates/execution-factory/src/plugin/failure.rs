//! A plugin that cannot be used: what is wrong with it, and where.

use std::path::PathBuf;

use plugdock_contracts::document::Faults;
use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError, Fault};
use plugdock_contracts::{PluginId, manifest};

/// A directory holds no plugin that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// There is no manifest.
    #[error("`{}` holds neither {} nor {}", root.display(), manifest::TOML_FILE_NAME, manifest::JSON_FILE_NAME)]
    NoManifest {
        /// The directory.
        root: PathBuf,
    },
    /// A file could not be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The manifest is faulty.
    #[error("the manifest `{}` is faulty", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Each fault with its line.
        #[source]
        source: Box<Faults>,
    },
    /// The entry is missing.
    #[error("the entry `{}` of plugin `{id}` does not exist", path.display())]
    NoEntry {
        /// The plugin.
        id: PluginId,
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The entry leads out of the plugin's directory, or is no file.
    #[error("the entry `{}` of plugin `{id}` {problem}", path.display())]
    BadEntry {
        /// The plugin.
        id: PluginId,
        /// Where it leads.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl PluginError {
    /// The error as a caller of an execution sees it.
    pub(crate) fn into_execution_error(self) -> ExecutionError {
        let mut chain = ErrorChain(&self).sources();
        let (code, fault, help) = match &self {
            Self::NoManifest { .. } => {
                (ErrorCode::HandlerNotFound, Fault::Caller, "give the directory that holds the manifest")
            }
            Self::Read { .. } => (ErrorCode::UnknownError, Fault::Host, "look at the file's owner and mode"),
            Self::Manifest { source, .. } => {
                chain = source.iter().map(ToString::to_string).collect();
                (
                    ErrorCode::ValidationError,
                    Fault::Plugin,
                    "`plugdock validate` shows each fault in its place",
                )
            }
            Self::NoEntry { .. } => {
                (ErrorCode::SpawnFailed, Fault::Plugin, "build the plugin's program and put it there")
            }
            Self::BadEntry { .. } => (
                ErrorCode::SpawnFailed,
                Fault::Plugin,
                "the entry is a file below the plugin's directory, links included",
            ),
        };
        ExecutionError::new(code, self.to_string())
            .with_fault(fault)
            .with_chain(chain)
            .with_help(help)
            .with_retryable(false)
    }
}

/// Directories of plugins could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The directory could not be listed.
    #[error("failed to list the plugin directory `{}`", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Two directories hold a plugin of one id.
    #[error("plugin `{id}` is in `{}` and in `{}`", first.display(), second.display())]
    Duplicate {
        /// The plugin.
        id: PluginId,
        /// One place.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A plugin in the directory cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}
