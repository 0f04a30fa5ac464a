//! Reads the graph from `cargo metadata --no-deps`: no resolution, hence no network, no lock file and
//! no platform filter, so optional and other-target edges are all there. Judges nothing.

use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use super::graph::{Edge, Graph, Member, Section};
use crate::failure::ChoreError;

/// What Cargo says about the workspace at `root`, without resolving it.
pub(crate) fn read(root: &Path) -> Result<Metadata, ChoreError> {
    MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .map_err(|source| ChoreError::Metadata { root: root.to_owned(), source: Box::new(source) })
}

/// The workspace at `root` as a graph.
pub(crate) fn load(root: &Path) -> Result<Graph, ChoreError> {
    Ok(graph(&read(root)?))
}

fn graph(metadata: &Metadata) -> Graph {
    let root = metadata.workspace_root.as_std_path();
    let mut graph = Graph::default();
    for package in metadata.workspace_packages() {
        let directory = package.manifest_path.parent().map_or(root, |parent| parent.as_std_path());
        graph
            .members
            .push(Member { package: package.name.to_string(), directory: relative(directory, root) });
        graph.edges.extend(package.dependencies.iter().map(|dependency| Edge {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            section: section(dependency.kind),
            optional: dependency.optional,
            target: dependency.target.as_ref().map(ToString::to_string),
            rename: dependency.rename.clone(),
            path: dependency.path.as_ref().map(|path| relative(path.as_std_path(), root)),
        }));
    }
    graph.members.sort_by(|a, b| a.directory.cmp(&b.directory));
    graph.edges.sort_by(|a, b| (&a.from, &a.to, a.section).cmp(&(&b.from, &b.to, b.section)));
    graph
}

fn section(kind: DependencyKind) -> Section {
    match kind {
        DependencyKind::Development => Section::Dev,
        DependencyKind::Build => Section::Build,
        // Cargo knows three kinds; one it adds later is held to the strictest reading.
        _ => Section::Normal,
    }
}

/// `path` below `root` with forward slashes, or unchanged where it lies elsewhere.
pub(crate) fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
