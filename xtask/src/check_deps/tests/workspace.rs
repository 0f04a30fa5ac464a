//! The check on workspaces on disk: this repository, and a scratch one with planted faults.

use std::fs;
use std::path::Path;

use crate::check_deps::tests::layer;
use crate::check_deps::verdict::{Copies, check, dependencies};
use crate::check_deps::{metadata, run};
use crate::layers::{Deny, Owned, TABLE, Table};
use crate::violation::report;

const SCRATCH: Table = Table {
    layers: &[
        layer("contracts", "plugdock-contracts", &[]),
        layer("ipc", "plugdock-ipc", &["contracts"]),
        layer("platform", "plugdock-platform", &["contracts"]),
    ],
    owned: &[Owned {
        name: "bincode",
        owners: &["ipc"],
        dev_anywhere: false,
        deny: Deny::Wrappers(&[]),
        reason: "the wire format has one owner",
    }],
    barred: &[],
};

/// Writes a workspace of three crates; `platform` gets `planted` at the end of its manifest.
fn scratch(root: &Path, planted: &str) {
    fs::write(root.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n").unwrap();
    member(root, "contracts", "");
    member(root, "ipc", "[dependencies]\nplugdock-contracts = { path = \"../contracts\" }\n");
    member(
        root,
        "platform",
        &format!("[dependencies]\nplugdock-contracts = {{ path = \"../contracts\" }}\n{planted}"),
    );
}

fn member(root: &Path, folder: &str, rest: &str) {
    let source = root.join("crates").join(folder).join("src");
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("lib.rs"), "").unwrap();
    let head = format!("[package]\nname = \"plugdock-{folder}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    fs::write(root.join("crates").join(folder).join("Cargo.toml"), head + rest).unwrap();
}

/// The rules and findings about a scratch workspace with `planted` in the manifest of `platform`.
fn found(planted: &str) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    // Cargo reports real paths, and the temporary directory may lie behind a link.
    let root_path = root.path().canonicalize().unwrap();
    scratch(&root_path, planted);
    let graph = metadata::load(&root_path).unwrap();
    dependencies(&graph, &SCRATCH)
        .into_iter()
        .map(|it| format!("{}: {} ({})", it.rule, it.what, it.at))
        .collect()
}

#[test]
fn scratch_workspace_is_sound_before_anything_is_planted() {
    assert_eq!(found(""), [""; 0]);
}

#[test]
fn planted_sideways_dev_dependency_is_refused() {
    assert_eq!(
        found("[dev-dependencies]\nplugdock-ipc = { path = \"../ipc\" }\n"),
        ["layer-edge: `plugdock-platform` uses `plugdock-ipc`: [dev-dependencies] plugdock-ipc \
          (crates/platform/Cargo.toml)"]
    );
}

#[test]
fn planted_edge_is_refused_however_it_is_dressed() {
    let planted = "[target.'cfg(windows)'.build-dependencies]\n\
                   wire = { package = \"plugdock-ipc\", path = \"../ipc\", optional = true }\n";
    assert_eq!(
        found(planted),
        ["layer-edge: `plugdock-platform` uses `plugdock-ipc`: \
          [target.'cfg(windows)'.build-dependencies] plugdock-ipc, renamed to `wire`, optional \
          (crates/platform/Cargo.toml)"]
    );
}

#[test]
fn planted_outside_crate_is_refused_without_a_network() {
    assert_eq!(
        found("[dev-dependencies]\ncodec = { package = \"bincode\", version = \"2\" }\n"),
        ["outside-owner: `plugdock-platform` depends on `bincode`: \
          [dev-dependencies] bincode, renamed to `codec` (crates/platform/Cargo.toml)"]
    );
}

#[test]
fn planted_dev_cycle_is_refused_with_its_path() {
    let root = tempfile::tempdir().unwrap();
    let root_path = root.path().canonicalize().unwrap();
    scratch(&root_path, "");
    member(&root_path, "contracts", "[dev-dependencies]\nplugdock-ipc = { path = \"../ipc\" }\n");
    let graph = metadata::load(&root_path).unwrap();
    let cycles: Vec<_> = dependencies(&graph, &SCRATCH)
        .into_iter()
        .filter(|it| it.rule == "cycle")
        .map(|it| it.what)
        .collect();
    assert_eq!(cycles, ["plugdock-contracts -> plugdock-ipc -> plugdock-contracts"]);
}

#[test]
fn command_fails_when_it_finds_anything() {
    let root = tempfile::tempdir().unwrap();
    let root_path = root.path().canonicalize().unwrap();
    scratch(&root_path, "");
    fs::create_dir(root_path.join("docs")).unwrap();
    fs::write(root_path.join("deny.toml"), "[bans]\ndeny = []\n").unwrap();
    fs::write(root_path.join("docs/layers.md"), "").unwrap();
    // The repository's table has rows that the scratch workspace has no members for.
    let error = run(&root_path, &[]).unwrap_err().to_string();
    assert!(error.starts_with("check-deps found ") && error.ends_with(" violations"), "{error}");
    let error = run(&root_path, &["--write".to_owned()]).unwrap_err().to_string();
    assert!(error.starts_with("`deny.toml` has no generated block"), "{error}");
}

#[test]
fn this_workspace_keeps_its_layers() {
    let root = crate::root();
    let text = |name| fs::read_to_string(root.join(name)).unwrap();
    let graph = metadata::load(&root).unwrap();
    let (deny, document) = (text("deny.toml"), text("docs/layers.md"));
    let found = check(&graph, &TABLE, Copies { deny: &deny, document: &document });
    assert!(found.is_empty(), "{}", report(&found));
}
