//! `deny.toml`'s bans against the table: the same layers, held a second time over the resolved graph.
//! Writes the block between the markers and checks by meaning, not by text; it does not run cargo-deny.

use std::collections::{BTreeMap, BTreeSet};

use super::block::Block;
use super::graph::Graph;
use crate::layers::{Deny, Layer, Table};
use crate::violation::Violation;

const FILE: &str = "deny.toml";
const REWRITE: &str = "run `cargo xtask check-deps --write`";
pub(crate) const BLOCK: Block = Block {
    begin: "    # check-deps: begin (generated; `cargo xtask check-deps --write`)",
    end: "    # check-deps: end",
};

/// One ban: a crate, who may depend on it nevertheless, and why.
#[derive(Debug, PartialEq, Eq)]
struct Ban {
    name: String,
    wrappers: BTreeSet<String>,
    reason: String,
}

/// The bans the table asks for, given who is a member and who uses what.
fn bans(graph: &Graph, table: &Table) -> Vec<Ban> {
    let layers = graph.members.iter().filter_map(|member| {
        let wrappers: BTreeSet<String> = graph
            .members
            .iter()
            .filter(|user| table.layer(user.folder()).is_some_and(|row| allows(row, member.folder())))
            .map(|user| user.package.clone())
            .collect();
        // Without wrappers cargo-deny would refuse the member itself; check-deps alone holds those.
        (!wrappers.is_empty()).then(|| Ban {
            name: member.package.clone(),
            wrappers,
            reason: format!("layer {}", member.folder()),
        })
    });
    let outside = table.owned.iter().filter_map(|row| {
        let Deny::Wrappers(through) = row.deny else { return None };
        let mut wrappers: BTreeSet<String> = graph
            .outer_edges()
            .filter(|(user, edge)| edge.to == row.name && row.owners.contains(&user.folder()))
            .map(|(user, _)| user.package.clone())
            .collect();
        if !wrappers.is_empty() {
            wrappers.extend(through.iter().map(|name| (*name).to_owned()));
        }
        Some(Ban { name: row.name.to_owned(), wrappers, reason: row.reason.to_owned() })
    });
    layers.chain(outside).collect()
}

fn allows(row: &Layer, folder: &str) -> bool {
    row.may_use.contains(&folder)
}

/// The generated lines of `[bans] deny`.
pub(crate) fn generated(graph: &Graph, table: &Table) -> String {
    let lines = bans(graph, table).into_iter().map(|ban| {
        let wrappers: Vec<String> = ban.wrappers.iter().map(|name| format!("{name:?}")).collect();
        let wrappers = match wrappers.as_slice() {
            [] => String::new(),
            some => format!(", wrappers = [{}]", some.join(", ")),
        };
        format!("    {{ crate = {:?}{wrappers}, reason = {:?} }},\n", ban.name, ban.reason)
    });
    lines.collect()
}

/// Missing and extra bans and wrappers in `text`, the contents of `deny.toml`.
pub(crate) fn check(text: &str, graph: &Graph, table: &Table) -> Vec<Violation> {
    let written = match parse(text) {
        Ok(written) => written,
        Err(what) => return vec![violation(what, "make it a valid cargo-deny configuration")],
    };
    let mut found = Vec::new();
    let expected = bans(graph, table);
    for ban in &expected {
        match written.get(&ban.name) {
            None => found.push(violation(format!("`{}` is not banned", ban.name), REWRITE)),
            Some(wrappers) => found.extend(difference(ban, wrappers)),
        }
    }
    for name in written.keys().filter(|name| !expected.iter().any(|ban| ban.name == **name)) {
        let ours = graph.member(name).is_some() || table.owned.iter().any(|row| row.name == name);
        if ours {
            found.push(violation(format!("`{name}` is banned, which the table does not ask for"), REWRITE));
        }
    }
    found
}

fn difference(ban: &Ban, written: &BTreeSet<String>) -> Vec<Violation> {
    let missing = ban.wrappers.difference(written).map(|wrapper| {
        violation(format!("the ban on `{}` lacks the wrapper `{wrapper}`", ban.name), REWRITE)
    });
    let extra = written.difference(&ban.wrappers).map(|wrapper| {
        violation(
            format!("the ban on `{}` has the wrapper `{wrapper}`, which the table does not allow", ban.name),
            REWRITE,
        )
    });
    missing.chain(extra).collect()
}

fn violation(what: String, remedy: &str) -> Violation {
    Violation { rule: "deny-wrappers", what, at: FILE.to_owned(), remedy: remedy.to_owned() }
}

/// Crate names under `[bans] deny` with their wrappers.
fn parse(text: &str) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let document: toml::Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let entries = document
        .get("bans")
        .and_then(|bans| bans.get("deny"))
        .and_then(toml::Value::as_array)
        .ok_or("there is no `[bans] deny` list")?;
    Ok(entries.iter().filter_map(entry).collect())
}

/// A ban is a bare specification or a table with one under `crate` (or `name`).
fn entry(value: &toml::Value) -> Option<(String, BTreeSet<String>)> {
    let specification =
        value.as_str().or_else(|| value.get("crate")?.as_str()).or_else(|| value.get("name")?.as_str())?;
    let name = specification.split(['@', ':', '=', ' ']).next()?;
    let wrappers = value.get("wrappers").and_then(toml::Value::as_array);
    let wrappers =
        wrappers.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect();
    Some((name.to_owned(), wrappers))
}
