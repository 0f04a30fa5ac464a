//! What the commands that speak with a server share: where its socket is.

use std::path::{Path, PathBuf};

use clap::Args;
use plugdock_core_runtime::RuntimeConfig;

use super::host;
use crate::client::Connection;
use crate::failure::Failure;
use crate::serve::default_socket;

/// Which server.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SocketArgs {
    /// The server's socket, instead of plugdock.sock in the user's runtime folder or in the data folder
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

impl SocketArgs {
    /// Where the server's socket is. The configuration is read only where it matters.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        match (&self.socket, runtime_dir()) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(dir)) => Ok(default_socket(Some(&dir), Path::new(""))),
            (None, None) => Ok(of_user(&host::gather(None).build()?)),
        }
    }

    /// Connects to the server.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        Ok(Connection::open(&self.path()?).await?)
    }
}

/// The socket of this user under this configuration.
pub(crate) fn of_user(config: &RuntimeConfig) -> PathBuf {
    default_socket(runtime_dir().as_deref(), &config.platform().data_dir)
}

/// The user's runtime folder. A relative one is ignored, as the XDG specification demands.
fn runtime_dir() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute())
}
