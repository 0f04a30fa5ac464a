//! Which plugin a request means: its manifest, its program, and what it may. It reads files and starts nothing.

mod catalog;
mod failure;
mod memory;
mod package;
mod source;

pub use catalog::Catalog;
pub use failure::{CatalogError, PluginError};
pub(crate) use memory::{FileStamp, PluginMemory};
pub use package::Package;
pub(crate) use source::{PluginOrigin, PluginSource, Program, ResolvedPlugin};
