//! How a file looks from outside: how it opens, how long it is, what its module is called, and what lies at the top.
//! Looks at no word inside.

use super::code::words;
use super::tree::{Source, Tree};
use crate::violation::Violation;

/// Lines of a file without its tests; more is two nouns in one file.
const FILE_CEILING: usize = 400;
/// Lines of tests in a file: tests are tables, and read one at a time.
const TEST_CEILING: usize = 600;
/// Lines of a function. Clippy counts them; its configuration has to say so.
const FUNCTION_CEILING: i64 = 60;

/// What may lie at the top level besides dot-files.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "deny.toml",
    "docs",
    "target",
    "xtask",
];

/// Module names that say nothing of what is inside.
const VAGUE: &[&str] = &["common", "helper", "helpers", "types", "util", "utils"];

/// The first line says what the file is.
pub(crate) fn openings(tree: &Tree) -> Vec<Violation> {
    tree.sources
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| Violation {
            rule: "file-opening",
            what: "the first line is not a `//!` comment".to_owned(),
            at: format!("{}:1", source.path),
            remedy: "open with one sentence on what the file is, and one on what it is not or who may use it"
                .to_owned(),
        })
        .collect()
}

/// Files stay within their ceiling, and clippy keeps functions within theirs.
pub(crate) fn ceilings(tree: &Tree) -> Vec<Violation> {
    let mut found: Vec<Violation> = tree.sources.iter().flat_map(lengths).collect();
    let threshold = tree
        .clippy
        .parse::<toml::Table>()
        .ok()
        .and_then(|table| table.get("too-many-lines-threshold").and_then(toml::Value::as_integer));
    if threshold.is_none_or(|lines| lines > FUNCTION_CEILING) {
        found.push(Violation {
            rule: "function-ceiling",
            what: format!("clippy does not hold functions to {FUNCTION_CEILING} lines"),
            at: ".clippy.toml".to_owned(),
            remedy: format!("set `too-many-lines-threshold = {FUNCTION_CEILING}`"),
        });
    }
    found
}

fn lengths(source: &Source) -> Vec<Violation> {
    let n_lines = source.text.lines().count();
    let n_code = source.n_lines_before_tests();
    let parts = [("code", n_code, FILE_CEILING), ("tests", n_lines - n_code, TEST_CEILING)];
    parts
        .into_iter()
        .filter(|(_, lines, ceiling)| lines > ceiling)
        .map(|(part, lines, ceiling)| Violation {
            rule: "file-ceiling",
            what: format!("{lines} lines of {part}, more than {ceiling}"),
            at: source.path.clone(),
            remedy: "split it into files of one noun each".to_owned(),
        })
        .collect()
}

/// Nothing at the top level but what the house has.
pub(crate) fn top_level(tree: &Tree) -> Vec<Violation> {
    tree.top
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .map(|name| Violation {
            rule: "top-level",
            what: format!("`{name}` lies at the top level"),
            at: name.clone(),
            remedy:
                "put it where it belongs: documents in docs/, chores in xtask/, tool settings in dot-files"
                    .to_owned(),
        })
        .collect()
}

/// Modules are named after what is in them.
pub(crate) fn module_names(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        let parts = source.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
        found.extend(parts.filter(|part| VAGUE.contains(part)).map(|part| vague(part, source.path.clone())));
        let mut previous = "";
        for (line, word) in words(&source.code) {
            if previous == "mod" && VAGUE.contains(&word) {
                found.push(vague(word, format!("{}:{line}", source.path)));
            }
            previous = word;
        }
    }
    found
}

fn vague(name: &str, at: String) -> Violation {
    Violation {
        rule: "module-name",
        what: format!("a module is named `{name}`"),
        at,
        remedy: "name it after the one noun it holds".to_owned(),
    }
}
