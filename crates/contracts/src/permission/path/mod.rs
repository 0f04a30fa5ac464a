//! Paths in permissions: the normal form that is asked with, the patterns that grant, and what no grant opens.
//! No file is touched; that a path on disk is what it says (no symlink on the way) is the opener's to hold.

mod always_denied;
mod component_glob;
mod normal_path;
mod path_pattern;

pub(super) use always_denied::always_denied;
pub use always_denied::{always_denied_names, always_denied_places};
pub use normal_path::{NormalPath, NormalPathError, PathRoot};
pub use path_pattern::PathPattern;
