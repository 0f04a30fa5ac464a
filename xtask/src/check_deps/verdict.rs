//! All rules over one graph: the function that the command and the tests share.
//! Pure; what files say is handed in.

use super::graph::Graph;
use super::{deny, document, edge, row};
use crate::layers::Table;
use crate::violation::Violation;

/// The two files that repeat the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copies<'a> {
    /// `deny.toml`.
    pub(crate) deny: &'a str,
    /// `docs/layers.md`.
    pub(crate) document: &'a str,
}

/// Every violation, in the order of the rules.
pub(crate) fn check(graph: &Graph, table: &Table, copies: Copies<'_>) -> Vec<Violation> {
    let mut found = dependencies(graph, table);
    found.extend(deny::check(copies.deny, graph, table));
    found.extend(document::check(copies.document, table));
    found
}

/// The rules that need the graph and the table alone.
pub(crate) fn dependencies(graph: &Graph, table: &Table) -> Vec<Violation> {
    [
        row::table_order(table),
        row::members_have_rows(graph, table),
        row::rows_have_members(graph, table),
        row::package_names(graph),
        edge::layer_edges(graph, table),
        edge::cycle_free(graph, table),
        edge::outside_paths(graph),
        edge::owners(graph, table),
        edge::barred(graph, table),
        row::unused_edges(graph, table),
    ]
    .concat()
}
