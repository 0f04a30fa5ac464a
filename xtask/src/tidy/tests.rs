//! Each rule of `tidy`, refused once on a checkout that breaks no other.

use std::fs;
use std::path::Path;

use super::chore::check;
use super::tree::Tree;
use crate::violation::report;

const SOUND: &[(&str, &str)] = &[
    (".clippy.toml", "too-many-lines-threshold = 60\n"),
    ("Cargo.toml", "[workspace]\n"),
    ("README.md", "[layers](docs/layers.md)\n"),
    (
        "docs/layers.md",
        "[home](../README.md#top), [web](https://example.org/x), [codec](../crates/ipc/src/codec.rs)\n",
    ),
    ("crates/ipc/Cargo.toml", "[lints]\nworkspace = true\n[dependencies]\nbincode = \"2\"\n"),
    ("crates/ipc/src/codec.rs", "//! The codec.\nuse bincode::config;\n"),
    (
        "crates/ipc/src/frame.rs",
        "//! Frames, not bincode.\n#[serde(rename_all = \"tag\", default)]\nstruct Tag;\n",
    ),
    ("crates/ipc/fuzz/Cargo.toml", "[workspace]\n"),
    ("crates/sandbox/src/lib.rs", "//! The sandbox.\nunsafe fn f() {}\n"),
    ("crates/execution-factory/src/process/spawn.rs", "//! Spawning.\nunsafe fn f() {}\n"),
    ("xtask/src/main.rs", "//! Chores; `unsafe` is a word here.\nconst WORD: &str = \"unsafe bincode\";\n"),
];

fn plant(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// What `tidy` finds, as `rule at`, after `files` are planted in a sound checkout.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    plant(root.path(), SOUND);
    plant(root.path(), files);
    let tree = Tree::load(root.path()).unwrap();
    check(&tree).into_iter().map(|it| format!("{} {}", it.rule, it.at)).collect()
}

fn refused(path: &str, text: &str, expected: &[&str]) {
    assert_eq!(found(&[(path, text)]), expected, "{path}");
}

/// A sound opening and then so many more lines.
fn lines(n_lines: usize) -> String {
    format!("//! Long.\n{}", "const _: () = ();\n".repeat(n_lines - 1))
}

#[test]
fn sound_checkout_has_no_violation() {
    assert_eq!(found(&[]), [""; 0]);
}

#[test]
fn stray_top_level_entry_is_refused() {
    refused("notes.txt", "", &["top-level notes.txt"]);
    refused("scripts/x.sh", "", &["top-level scripts"]);
    refused("LICENSE", "", &[]);
    refused(".ci/run", "", &[]);
}

#[test]
fn file_that_does_not_say_what_it_is_is_refused() {
    refused("crates/ipc/src/x.rs", "\n//! Late.\n", &["file-opening crates/ipc/src/x.rs:1"]);
    refused(
        "crates/ipc/tests/it/main.rs",
        "// A comment.\n",
        &["file-opening crates/ipc/tests/it/main.rs:1"],
    );
    refused("crates/ipc/benches/x.rs", "fn main() {}\n", &["file-opening crates/ipc/benches/x.rs:1"]);
}

#[test]
fn file_above_its_ceiling_is_refused() {
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // A line.\n".repeat(100));
    refused("crates/ipc/src/x.rs", &lines(400), &[]);
    refused("crates/ipc/src/x.rs", &lines(401), &["file-ceiling crates/ipc/src/x.rs"]);
    refused("crates/ipc/src/x.rs", &(lines(400) + &tests), &[]);
    refused("crates/ipc/src/x.rs", &(lines(401) + &tests), &["file-ceiling crates/ipc/src/x.rs"]);
    refused(
        "crates/ipc/src/x.rs",
        &format!("{}{tests}fn late() {{}}\n", lines(300)),
        &["file-ceiling crates/ipc/src/x.rs"],
    );
    refused("crates/ipc/tests/it/x.rs", &lines(600), &[]);
    refused("crates/ipc/tests/it/x.rs", &lines(601), &["file-ceiling crates/ipc/tests/it/x.rs"]);
}

#[test]
fn function_ceiling_has_to_be_in_clippy_s_configuration() {
    refused(".clippy.toml", "too-many-lines-threshold = 61\n", &["function-ceiling .clippy.toml"]);
    refused(".clippy.toml", "", &["function-ceiling .clippy.toml"]);
}

#[test]
fn module_name_that_says_nothing_is_refused() {
    refused("crates/ipc/src/utils.rs", "//! Things.\n", &["module-name crates/ipc/src/utils.rs"]);
    refused(
        "crates/ipc/tests/common/mod.rs",
        "//! Things.\n",
        &["module-name crates/ipc/tests/common/mod.rs"],
    );
    refused("crates/ipc/src/x.rs", "//! X.\nmod types {}\n", &["module-name crates/ipc/src/x.rs:2"]);
    refused("crates/ipc/src/x.rs", "//! X.\n// mod types {}\nstruct types;\n", &[]);
}

#[test]
fn member_without_the_workspace_lints_is_refused() {
    refused("crates/x/Cargo.toml", "[package]\n", &["workspace-lints crates/x/Cargo.toml"]);
    refused("crates/x/Cargo.toml", "[lints]\nworkspace = false\n", &["workspace-lints crates/x/Cargo.toml"]);
    refused("crates/x/Cargo.toml", "[lints\n", &["workspace-lints crates/x/Cargo.toml"]);
}

#[test]
fn unsafe_outside_its_places_is_refused() {
    refused(
        "crates/ipc/src/x.rs",
        "//! X.\n\nunsafe impl Send for X {}\n",
        &["unsafe-place crates/ipc/src/x.rs:3"],
    );
    refused(
        "crates/execution-factory/src/lease.rs",
        "//! X.\nfn f() { unsafe {} }\n",
        &["unsafe-place crates/execution-factory/src/lease.rs:2"],
    );
    refused("crates/ipc/src/x.rs", "//! X.\n#![expect(unsafe_code)] // unsafe\n", &[]);
}

#[test]
fn wire_format_named_elsewhere_is_refused() {
    refused("crates/ipc/src/x.rs", "//! X.\nuse bincode::Encode;\n", &["codec-place crates/ipc/src/x.rs:2"]);
    refused(
        "crates/cli/src/x.rs",
        "//! X.\nfn f() { ::bincode::f() }\n",
        &["codec-place crates/cli/src/x.rs:2"],
    );
    let manifest =
        "[lints]\nworkspace = true\n# bincode is not here.\n[dependencies]\nx = { package = \"bincode\" }\n";
    refused("crates/cli/Cargo.toml", manifest, &["codec-place crates/cli/Cargo.toml:5"]);
}

#[test]
fn serde_attribute_the_wire_cannot_carry_is_refused() {
    for attribute in
        ["untagged", "flatten", "tag = \"kind\"", "default, skip_serializing_if = \"Option::is_none\""]
    {
        let text = format!("//! X.\n#[serde({attribute})]\nstruct X;\n");
        refused("crates/ipc/src/x.rs", &text, &["wire-attribute crates/ipc/src/x.rs:2"]);
        refused("crates/contracts/src/x.rs", &text, &[]);
    }
    let shown = "//! X.\n\n#[cfg(test)]\nmod tests {\n    #[serde(untagged)]\n    struct X;\n}\n";
    refused("crates/ipc/src/x.rs", shown, &[]);
    let nested = "//! X.\n#[cfg_attr(\n    all(),\n    serde(bound(x = \"\"),\n    untagged)\n)]\nstruct X;\nfn untagged() {}\n";
    refused("crates/ipc/src/x.rs", nested, &["wire-attribute crates/ipc/src/x.rs:5"]);
}

#[test]
fn link_that_leads_nowhere_is_refused() {
    refused("docs/x.md", "text\n[gone](gone.md#part)\n", &["broken-link docs/x.md:2"]);
    refused(
        "docs/decisions/x.md",
        "[up](../layers.md) [out](../../../x)\n",
        &["broken-link docs/decisions/x.md:1"],
    );
    refused("README.md", "[absolute](/docs/layers.md)\n", &["broken-link README.md:1"]);
}

#[test]
fn this_checkout_is_tidy() {
    let found = check(&Tree::load(&crate::root()).unwrap());
    assert!(found.is_empty(), "{}", report(&found));
}

#[test]
fn a_part_of_the_pool_names_only_those_it_may() {
    let path = "crates/execution-factory/src/pool/queue/lane.rs";
    refused(path, "//! A lane.\nuse crate::pool::lifecycle::Phase;\n", &[&format!("pool-parts {path}:2")]);
    refused(
        path,
        "//! A lane.\nuse crate::pool::{config, queue::Ticket};\n",
        &[&format!("pool-parts {path}:2")],
    );
    refused(path, "//! Not crate::pool::lifecycle.\nuse crate::pool::queue::Ticket;\n", &[]);
    refused(
        "crates/execution-factory/src/pool/worker_pool/desk.rs",
        "//! A desk.\nuse crate::pool::lifecycle::Phase;\n",
        &[],
    );
}
