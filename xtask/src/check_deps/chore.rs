//! The command: reads the workspace and the two copies of the table, reports, prints or rewrites.
//! Decides nothing about layers.

use std::path::Path;

use super::graph::Graph;
use super::verdict::{Copies, check};
use super::{deny, document, metadata};
use crate::failure::ChoreError;
use crate::file;
use crate::layers::TABLE;
use crate::violation::{count, report};

const DENY: &str = "deny.toml";
const USAGE: &str = "usage: cargo xtask check-deps [--markdown | --dot | --write]";

/// Runs `check-deps` with what follows it on the command line.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), ChoreError> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => verify(root),
        ["--markdown"] => {
            print!("{}", document::markdown(&TABLE));
            Ok(())
        }
        ["--dot"] => {
            print!("{}", document::dot(&metadata::load(root)?, &TABLE));
            Ok(())
        }
        ["--write"] => {
            write(root)?;
            verify(root)
        }
        _ => Err(ChoreError::Usage(USAGE.to_owned())),
    }
}

fn verify(root: &Path) -> Result<(), ChoreError> {
    let graph = metadata::load(root)?;
    let deny = file::read(&root.join(DENY))?;
    let document = file::read(&root.join(document::FILE))?;
    let found = check(&graph, &TABLE, Copies { deny: &deny, document: &document });
    if found.is_empty() {
        println!("{}", summary(&graph));
        return Ok(());
    }
    println!("{}", report(&found));
    Err(ChoreError::Violations { count: format!("check-deps found {}", count(found.len())) })
}

/// The one line of a workspace that keeps its layers.
fn summary(graph: &Graph) -> String {
    format!("{} packages, {} edges, 0 violations", graph.members.len(), graph.pairs().len())
}

fn write(root: &Path) -> Result<(), ChoreError> {
    let graph = metadata::load(root)?;
    let copies = [
        (DENY, deny::BLOCK, deny::generated(&graph, &TABLE)),
        (document::FILE, document::BLOCK, document::markdown(&TABLE)),
    ];
    for (name, block, contents) in copies {
        let path = root.join(name);
        let text = file::read(&path)?;
        let Some(new) = block.replace(&text, &contents) else {
            return Err(ChoreError::Unmet {
                what: format!("`{name}` has no generated block"),
                remedy: format!("put the lines `{}` and `{}` where it belongs", block.begin, block.end),
            });
        };
        if new != text {
            file::write(&path, &new)?;
            println!("wrote {name}");
        }
    }
    Ok(())
}
