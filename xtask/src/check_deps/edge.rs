//! Rules about single dependencies: between layers, to paths outside, and to outside crates with reach.

use super::cycle::cycles;
use super::graph::{Edge, Graph, Member, Section};
use crate::layers::{Layer, Table};
use crate::violation::Violation;

/// An edge between two members that the table does not allow.
pub(crate) fn layer_edges(graph: &Graph, table: &Table) -> Vec<Violation> {
    graph
        .inner_edges()
        .filter_map(|(from, to, edge)| {
            let row = table.layer(from.folder())?;
            if row.may_use.contains(&to.folder()) {
                return None;
            }
            Some(Violation {
                rule: "layer-edge",
                what: format!("`{}` uses `{}`: {edge}", from.package, to.package),
                at: from.manifest(),
                remedy: edge_remedy(row, to, edge),
            })
        })
        .collect()
}

fn edge_remedy(row: &Layer, to: &Member, edge: &Edge) -> String {
    let allowed = if row.may_use.is_empty() {
        "no workspace crate".to_owned()
    } else {
        format!("only {}", row.may_use.join(", "))
    };
    let instead = match edge.section {
        Section::Dev => "move the test to a layer that may see both",
        Section::Normal | Section::Build => "take what you need through a trait or a value from above",
    };
    format!(
        "`{}` may use {allowed}; {instead}, or change the row and say why `{}` is needed",
        row.folder,
        to.folder()
    )
}

/// A path dependency on something that is not a member, where no rule would see what it uses.
pub(crate) fn outside_paths(graph: &Graph) -> Vec<Violation> {
    graph
        .outer_edges()
        .filter_map(|(from, edge)| {
            let path = edge.path.as_ref()?;
            Some(Violation {
                rule: "path-outside",
                what: format!("`{}` depends on `{path}`, which is not a member: {edge}", from.package),
                at: from.manifest(),
                remedy: "make it a member with a row in xtask/src/layers.rs, or take it from the registry"
                    .to_owned(),
            })
        })
        .collect()
}

/// Cycles, dev edges counted. A sound table is acyclic, so every cycle has an edge it does not allow.
pub(crate) fn cycle_free(graph: &Graph, table: &Table) -> Vec<Violation> {
    let unlawful = graph
        .inner_edges()
        .filter(|(from, to, _)| {
            table.layer(from.folder()).is_none_or(|row| !row.may_use.contains(&to.folder()))
        })
        .map(|(from, to, _)| (from.package.as_str(), to.package.as_str()))
        .collect();
    cycles(&graph.pairs(), &unlawful)
        .into_iter()
        .map(|path| Violation {
            rule: "cycle",
            what: path.join(" -> "),
            at: path
                .first()
                .and_then(|package| graph.member(package))
                .map_or_else(|| "Cargo.toml".to_owned(), Member::manifest),
            remedy: "cut one edge: a test that needs the higher layer lives in the higher layer".to_owned(),
        })
        .collect()
}

/// A direct dependency on an outside crate that has other owners.
pub(crate) fn owners(graph: &Graph, table: &Table) -> Vec<Violation> {
    graph
        .outer_edges()
        .filter_map(|(from, edge)| {
            let row = table.owned.iter().find(|row| row.name == edge.to)?;
            let free = row.dev_anywhere && edge.section == Section::Dev;
            if free || row.owners.contains(&from.folder()) {
                return None;
            }
            Some(Violation {
                rule: "outside-owner",
                what: format!("`{}` depends on `{}`: {edge}", from.package, row.name),
                at: from.manifest(),
                remedy: format!("`{}` belongs to {}: {}", row.name, row.owners.join(", "), row.reason),
            })
        })
        .collect()
}

/// A direct dependency on an outside crate that the layer must stay free of.
pub(crate) fn barred(graph: &Graph, table: &Table) -> Vec<Violation> {
    graph
        .outer_edges()
        .filter_map(|(from, edge)| {
            let row =
                table.barred.iter().find(|row| row.name == edge.to && row.from.contains(&from.folder()))?;
            Some(Violation {
                rule: "outside-barred",
                what: format!("`{}` depends on `{}`: {edge}", from.package, row.name),
                at: from.manifest(),
                remedy: format!("`{}` stays free of `{}`: {}", from.folder(), row.name, row.reason),
            })
        })
        .collect()
}
