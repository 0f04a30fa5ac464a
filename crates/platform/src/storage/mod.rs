//! Files that outlive executions, in a directory of their own for each tenant and plugin.
//! Nothing here is a workspace: those are leased to one execution and removed after it.

mod directory_storage;
mod storage_config;
mod storage_open_error;
mod storage_path;
mod storage_root;
mod tree;
mod usage;

pub use directory_storage::DirectoryStorage;
pub use storage_config::StorageConfig;
pub use storage_open_error::StorageOpenError;

/// The name of the service in errors.
const SERVICE: &str = "storage";
