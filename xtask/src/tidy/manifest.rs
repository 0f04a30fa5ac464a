//! What every member's manifest must say.
//! Dependencies are `check-deps`' concern.

use super::tree::{Text, Tree};
use crate::violation::Violation;

/// Every member takes the workspace's lints. A directory that is its own workspace (a fuzz target) is
/// no member.
pub(crate) fn lints(tree: &Tree) -> Vec<Violation> {
    tree.manifests.iter().filter_map(lints_of).collect()
}

fn lints_of(manifest: &Text) -> Option<Violation> {
    let violation = |what: &str| {
        Some(Violation {
            rule: "workspace-lints",
            what: what.to_owned(),
            at: manifest.path.clone(),
            remedy: "add `[lints]` with `workspace = true`".to_owned(),
        })
    };
    let Ok(table) = manifest.text.parse::<toml::Table>() else {
        return violation("the manifest is not valid TOML");
    };
    let inherited = || table.get("lints")?.get("workspace")?.as_bool();
    if table.contains_key("workspace") || inherited() == Some(true) {
        return None;
    }
    violation("the member does not take the workspace's lints")
}
