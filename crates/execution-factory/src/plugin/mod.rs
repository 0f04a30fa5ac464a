//! Which plugin a request means: its manifest, its program, and what it may. It reads files and starts nothing.

mod catalog;
mod failure;
mod package;
mod source;

pub use catalog::Catalog;
pub use failure::{CatalogError, PluginError};
pub use package::Package;
pub(crate) use source::{PluginSource, Program, ResolvedPlugin};
