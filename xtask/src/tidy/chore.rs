//! The command: every rule over the checkout, every violation, then the count.

use std::path::Path;

use super::tree::Tree;
use super::{link, manifest, shape, sibling, word};
use crate::failure::ChoreError;
use crate::violation::{Violation, count, report};

/// Runs `tidy` with what follows it on the command line.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), ChoreError> {
    if !arguments.is_empty() {
        return Err(ChoreError::Usage("usage: cargo xtask tidy".to_owned()));
    }
    let tree = Tree::load(root)?;
    let found = check(&tree);
    if found.is_empty() {
        println!(
            "{} sources, {} manifests, {} documents, 0 violations",
            tree.sources.len(),
            tree.manifests.len(),
            tree.documents.len()
        );
        return Ok(());
    }
    println!("{}", report(&found));
    Err(ChoreError::Violations { count: format!("tidy found {}", count(found.len())) })
}

/// Every violation, in the order of the rules.
pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    [
        shape::top_level(tree),
        shape::openings(tree),
        shape::ceilings(tree),
        shape::module_names(tree),
        manifest::lints(tree),
        word::unsafe_places(tree),
        word::codec_places(tree),
        word::wire_attributes(tree),
        sibling::pool_parts(tree),
        link::resolve(tree),
    ]
    .concat()
}
