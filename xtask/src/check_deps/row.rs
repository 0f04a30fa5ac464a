//! Rules about the table itself and how its rows match the members.

use super::graph::Graph;
use crate::layers::{Layer, Table, package_for};
use crate::violation::Violation;

const TABLE_FILE: &str = "xtask/src/layers.rs";

/// A row that uses something not above it, or whose package is not named by the rule.
pub(crate) fn table_order(table: &Table) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, layer) in table.layers.iter().enumerate() {
        for used in layer.may_use {
            if !table.layers[..index].iter().any(|lower| lower.folder == *used) {
                found.push(Violation {
                    rule: "table-order",
                    what: format!("row `{}` may use `{used}`, which has no row above it", layer.folder),
                    at: TABLE_FILE.to_owned(),
                    remedy: "order the rows bottom first, and name folders as their rows do".to_owned(),
                });
            }
        }
        let package = package_for(layer.folder);
        if layer.package != package {
            found.push(Violation {
                rule: "table-order",
                what: format!("row `{}` names package `{}`", layer.folder, layer.package),
                at: TABLE_FILE.to_owned(),
                remedy: format!("the naming rule gives `{package}`"),
            });
        }
    }
    found
}

/// A member that no row covers.
pub(crate) fn members_have_rows(graph: &Graph, table: &Table) -> Vec<Violation> {
    graph
        .members
        .iter()
        .filter(|member| table.layer(member.folder()).is_none())
        .map(|member| Violation {
            rule: "member-without-row",
            what: format!("`{}` in `{}` has no row in the layer table", member.package, member.directory),
            at: member.manifest(),
            remedy: format!(
                "add a row for `{}` to {TABLE_FILE}: what it may use, what it must never know",
                member.folder()
            ),
        })
        .collect()
}

/// A row that no member falls under.
pub(crate) fn rows_have_members(graph: &Graph, table: &Table) -> Vec<Violation> {
    table
        .layers
        .iter()
        .filter(|layer| !graph.members.iter().any(|member| layer.covers(member.folder())))
        .map(|layer| Violation {
            rule: "row-without-member",
            what: format!("row `{}` covers no member", layer.folder),
            at: TABLE_FILE.to_owned(),
            remedy: "remove the row, or add the crate to the workspace".to_owned(),
        })
        .collect()
}

/// An allowed edge that nobody uses: a permission that would let a dependency in unseen.
pub(crate) fn unused_edges(graph: &Graph, table: &Table) -> Vec<Violation> {
    let used = |layer: &Layer, folder: &str| {
        graph.inner_edges().any(|(from, to, _)| layer.covers(from.folder()) && to.folder() == folder)
    };
    let mut found = Vec::new();
    for layer in table.layers {
        for folder in layer.may_use.iter().filter(|folder| !used(layer, folder)) {
            found.push(Violation {
                rule: "unused-edge",
                what: format!("`{}` may use `{folder}` and does not", layer.folder),
                at: TABLE_FILE.to_owned(),
                remedy: format!("take `{folder}` out of the row; put it back in the commit that needs it"),
            });
        }
    }
    found
}

/// A member whose package is not named after its folder.
pub(crate) fn package_names(graph: &Graph) -> Vec<Violation> {
    graph
        .members
        .iter()
        .filter_map(|member| {
            let package = package_for(member.folder());
            (member.package != package).then(|| Violation {
                rule: "package-name",
                what: format!("package `{}` lies in `{}`", member.package, member.directory),
                at: member.manifest(),
                remedy: format!("name it `{package}`"),
            })
        })
        .collect()
}
