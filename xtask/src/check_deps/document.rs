//! The table as Markdown for `docs/layers.md` and the graph as Graphviz text.
//! Renders and compares; the words around the block are written by hand.

use std::collections::BTreeMap;

use super::block::Block;
use super::graph::{Graph, Member, Section};
use crate::layers::{Deny, Layer, Owned, Table};
use crate::violation::Violation;

pub(crate) const FILE: &str = "docs/layers.md";
pub(crate) const BLOCK: Block = Block {
    begin: "<!-- check-deps: begin (generated; `cargo xtask check-deps --write`) -->",
    end: "<!-- check-deps: end -->",
};

/// The generated block of `docs/layers.md`.
pub(crate) fn markdown(table: &Table) -> String {
    let sections = [layer_table(table), picture(table), owner_table(table), barred_table(table)];
    format!("\n{}\n", sections.join("\n"))
}

fn layer_table(table: &Table) -> String {
    let mut text =
        "| folder | package | may use | brings in | must never know |\n|---|---|---|---|---|\n".to_owned();
    for row in table.layers {
        let package =
            if row.is_family() { format!("{}<folder>", row.package) } else { row.package.to_owned() };
        text += &cells(&[
            &format!("`{}`", row.folder),
            &format!("`{package}`"),
            &joined(row.may_use),
            row.brings,
            row.never_knows,
        ]);
    }
    text
}

/// Every layer under those that use it, in a fenced block: an arrow means "depends on".
fn picture(table: &Table) -> String {
    let width = table.layers.iter().map(|row| row.folder.len()).max().unwrap_or(0);
    let line = |rank: usize, row: &Layer| {
        let uses =
            if row.may_use.is_empty() { "-".to_owned() } else { format!("--> {}", row.may_use.join(", ")) };
        format!("{rank}  {:width$}  {uses}\n", row.folder)
    };
    let lines: Vec<String> =
        ranks(table).iter().rev().flat_map(|(rank, rows)| rows.iter().map(|row| line(*rank, row))).collect();
    format!("```text\n{}```\n", lines.concat())
}

fn owner_table(table: &Table) -> String {
    let mut text = "| outside crate | its owners | held by | why |\n|---|---|---|---|\n".to_owned();
    for row in table.owned {
        text += &cells(&[&format!("`{}`", row.name), &owners(row), held_by(row), row.reason]);
    }
    text
}

fn owners(row: &Owned) -> String {
    let owners = joined(row.owners);
    if row.dev_anywhere { format!("{owners}; anyone as a dev-dependency") } else { owners }
}

fn held_by(row: &Owned) -> &'static str {
    match row.deny {
        Deny::Wrappers(_) => "check-deps, cargo-deny",
        Deny::DirectEdgesOnly => "check-deps",
    }
}

fn barred_table(table: &Table) -> String {
    let mut text = "| outside crate | never in | why |\n|---|---|---|\n".to_owned();
    for row in table.barred {
        text += &cells(&[&format!("`{}`", row.name), &joined(row.from), row.reason]);
    }
    text
}

fn joined(names: &[&str]) -> String {
    match names {
        [] => "—".to_owned(),
        some => some.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

fn cells(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Rows by height: 0 uses nothing, and every row is one above the highest it may use.
fn ranks(table: &Table) -> BTreeMap<usize, Vec<&'static Layer>> {
    let mut heights: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ranks: BTreeMap<usize, Vec<&Layer>> = BTreeMap::new();
    for row in table.layers {
        let height =
            row.may_use.iter().filter_map(|used| heights.get(used)).max().map_or(0, |highest| highest + 1);
        heights.insert(row.folder, height);
        ranks.entry(height).or_default().push(row);
    }
    ranks
}

/// The declared graph for Graphviz, bottom layer first; dashed edges are dev-dependencies alone.
pub(crate) fn dot(graph: &Graph, table: &Table) -> String {
    let folder = |package| graph.member(package).map_or("", Member::folder);
    let mut lines = vec![
        "digraph layers {".to_owned(),
        "    rankdir = TB;".to_owned(),
        "    node [shape = box];".to_owned(),
    ];
    for rows in ranks(table).values() {
        let members =
            graph.members.iter().filter(|member| rows.iter().any(|row| row.covers(member.folder())));
        let names: Vec<String> = members.map(|member| format!("{:?};", member.folder())).collect();
        lines.push(format!("    {{ rank = same; {} }}", names.join(" ")));
    }
    for (from, to) in graph.pairs() {
        let mut edges = graph.edges.iter().filter(|edge| edge.from == from && edge.to == to);
        let style = if edges.all(|edge| edge.section == Section::Dev) { " [style = dashed]" } else { "" };
        lines.push(format!("    {:?} -> {:?}{style};", folder(from), folder(to)));
    }
    lines.push("}\n".to_owned());
    lines.join("\n")
}

/// Whether `text`, the contents of `docs/layers.md`, carries the table as it is.
pub(crate) fn check(text: &str, table: &Table) -> Option<Violation> {
    let what = match BLOCK.find(text) {
        None => "the markers of the generated block are missing",
        Some(block) if block == markdown(table) => return None,
        Some(_) => "the generated block differs from the layer table",
    };
    let remedy = format!(
        "run `cargo xtask check-deps --write`; the markers are `{}` and `{}`",
        BLOCK.begin, BLOCK.end
    );
    Some(Violation { rule: "layers-doc", what: what.to_owned(), at: FILE.to_owned(), remedy })
}
