//! The workspace as the check sees it: members and every declared dependency between them and outwards.
//! Plain data, so that the rules can be fed synthetic graphs; it does not know Cargo.

use std::collections::BTreeSet;
use std::fmt;

use crate::layers::folder_of;

/// Members and what they declare.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    pub(crate) members: Vec<Member>,
    pub(crate) edges: Vec<Edge>,
}

/// One workspace member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Package name.
    pub(crate) package: String,
    /// Directory relative to the workspace root, with forward slashes.
    pub(crate) directory: String,
}

/// One declared dependency; a crate named in two sections is two edges.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    /// Package name of the member that declares it.
    pub(crate) from: String,
    /// Package name of what is depended on: the real one, whatever it is renamed to.
    pub(crate) to: String,
    pub(crate) section: Section,
    pub(crate) optional: bool,
    /// The `cfg` or target triple it is declared under.
    pub(crate) target: Option<String>,
    /// The name it is renamed to.
    pub(crate) rename: Option<String>,
    /// Directory of a path dependency, relative to the root where it lies below it.
    pub(crate) path: Option<String>,
}

/// The section of the manifest a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Normal,
    Build,
    Dev,
}

impl Member {
    /// The folder as the layer table spells it.
    pub(crate) fn folder(&self) -> &str {
        folder_of(&self.directory)
    }

    /// The manifest, relative to the root.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.directory)
    }
}

impl Graph {
    /// The member with this package name.
    pub(crate) fn member(&self, package: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.package == package)
    }

    /// Edges between two members, with both ends looked up.
    pub(crate) fn inner_edges(&self) -> impl Iterator<Item = (&Member, &Member, &Edge)> {
        self.edges.iter().filter_map(|edge| Some((self.member(&edge.from)?, self.member(&edge.to)?, edge)))
    }

    /// Edges from a member to an outside crate.
    pub(crate) fn outer_edges(&self) -> impl Iterator<Item = (&Member, &Edge)> {
        self.edges
            .iter()
            .filter(|edge| self.member(&edge.to).is_none())
            .filter_map(|edge| Some((self.member(&edge.from)?, edge)))
    }

    /// Pairs of members of which the first depends on the second in any section.
    pub(crate) fn pairs(&self) -> BTreeSet<(&str, &str)> {
        self.inner_edges().map(|(from, to, _)| (from.package.as_str(), to.package.as_str())).collect()
    }
}

impl fmt::Display for Edge {
    /// How the edge is declared: `[dev-dependencies] plugdock-ipc, renamed to "wire", optional`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = match self.section {
            Section::Normal => "dependencies",
            Section::Build => "build-dependencies",
            Section::Dev => "dev-dependencies",
        };
        match &self.target {
            Some(target) => write!(f, "[target.'{target}'.{section}] {}", self.to)?,
            None => write!(f, "[{section}] {}", self.to)?,
        }
        if let Some(rename) = &self.rename {
            write!(f, ", renamed to `{rename}`")?;
        }
        if self.optional {
            write!(f, ", optional")?;
        }
        Ok(())
    }
}
