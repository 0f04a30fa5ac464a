//! What `check-deps` refuses: each kind of violation on a synthetic graph, then whole workspaces on disk.
//! Holds what both need to write a table down.

use crate::layers::Layer;

mod synthetic;
mod workspace;

const fn layer(folder: &'static str, package: &'static str, may_use: &'static [&'static str]) -> Layer {
    Layer { folder, package, may_use, brings: "—", never_knows: "—" }
}
