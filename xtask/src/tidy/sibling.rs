//! Which parts of the worker pool may name which: `stats` and `queue` no sibling, `executor` and `lifecycle` those two,
//! `worker_pool` all of them. It looks at paths, not at what they lead to.

use super::tree::{Source, Tree};
use crate::violation::Violation;

const POOL: &str = "crates/execution-factory/src/pool/";

/// Each part and those that it may name. A part that is not here may name all.
const MAY_NAME: [(&str, &[&str]); 5] = [
    ("config", &[]),
    ("queue", &[]),
    ("stats", &[]),
    ("executor", &["queue", "stats"]),
    ("lifecycle", &["queue", "stats"]),
];

const PARTS: [&str; 6] = ["config", "queue", "stats", "executor", "lifecycle", "worker_pool"];

/// Every path from one part of the pool to another that it may not name.
pub(crate) fn pool_parts(tree: &Tree) -> Vec<Violation> {
    let of_pool = tree.sources.iter().filter_map(|source| Some((part_of(source)?, source)));
    of_pool.flat_map(|(part, source)| strangers(part, source)).collect()
}

fn part_of(source: &Source) -> Option<&str> {
    let inside = source.path.strip_prefix(POOL)?;
    Some(inside.split(['/', '.']).next().unwrap_or(inside))
}

fn strangers(part: &str, source: &Source) -> Vec<Violation> {
    let Some((_, may_name)) = MAY_NAME.iter().find(|(name, _)| *name == part) else { return Vec::new() };
    let is_stranger = |name: &&str| *name != part && !may_name.contains(name);
    let mut found = Vec::new();
    for (index, line) in source.code.lines().enumerate() {
        let named = PARTS.iter().copied().filter(|name| names(line, name)).filter(is_stranger);
        found.extend(named.map(|name| Violation {
            rule: "pool-parts",
            at: format!("{}:{}", source.path, index + 1),
            what: format!("`pool::{part}` names `pool::{name}`"),
            remedy: "pass what it needs as data, or move the decision to worker_pool".to_owned(),
        }));
    }
    found
}

/// Whether a line leads into a part by the pool's own path, alone or in a group.
fn names(line: &str, part: &str) -> bool {
    let Some(at) = line.find("pool::") else { return false };
    let after = &line[at + "pool::".len()..];
    let inner = after.strip_prefix('{').unwrap_or(after);
    let leads = |path: &str| {
        path.trim().split("::").next().is_some_and(|first| first.trim_end_matches([';', '}']) == part)
    };
    inner.split(',').take(if after.starts_with('{') { usize::MAX } else { 1 }).any(leads)
}
