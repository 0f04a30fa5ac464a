//! Files of the host's file system that handlers use by grant: in their workspace, or wherever a grant reaches.
//! Nothing here decides what is granted; it holds that nothing on disk leads elsewhere. Storage that outlives executions and is
//! a plugin's own is another service.

mod beneath;
mod file_config;
mod file_fault;
mod host_files;
mod place;
mod replace;

pub use file_config::FileConfig;
pub use host_files::HostFiles;

/// The name of the service in errors.
const SERVICE: &str = "fs";
