//! Words that may stand in few places: `unsafe`, `bincode`, and the serde attributes the wire cannot carry.
//! Comments and literals may say anything.

use super::code::words;
use super::tree::{Source, Tree};
use crate::violation::Violation;

/// Where `unsafe` may stand, and why it must.
const UNSAFE_PLACES: &[(&str, &str)] = &[
    ("crates/sandbox/", "system calls that no safe wrapper offers, made before the plugin runs"),
    ("crates/execution-factory/src/process/", "spawning, descriptors and the fork server"),
    ("crates/testkit/src/bin/plugdock-escape/", "a hostile plugin makes the calls that safe code cannot"),
];

/// The one file that names the wire format.
const CODEC: &str = "crates/ipc/src/codec.rs";
/// Manifests that may name the wire format: its owner's, and the root's, which holds the version.
const CODEC_MANIFEST: &str = "crates/ipc/Cargo.toml";
const CODEC_NAME: &str = "bincode";

/// The folder whose types cross the wire.
const WIRE: &str = "crates/ipc/src/";
/// Serde attributes after which what is written cannot be read back without field names.
const UNWIRED: &[&str] =
    &["flatten", "skip_deserializing", "skip_serializing", "skip_serializing_if", "tag", "untagged"];

/// `unsafe` stands in the named places only.
pub(crate) fn unsafe_places(tree: &Tree) -> Vec<Violation> {
    let places: Vec<&str> = UNSAFE_PLACES.iter().map(|(place, _)| *place).collect();
    let elsewhere = |source: &&Source| !places.iter().any(|place| source.path.starts_with(place));
    let mut found = Vec::new();
    for source in tree.sources.iter().filter(elsewhere) {
        for (line, _) in words(&source.code).filter(|(_, word)| *word == "unsafe") {
            found.push(Violation {
                rule: "unsafe-place",
                what: "`unsafe` outside the places that may hold it".to_owned(),
                at: format!("{}:{line}", source.path),
                remedy: format!("call a safe wrapper in {}", places.join(" or ")),
            });
        }
    }
    found
}

/// The wire format is named in one file and its manifests.
pub(crate) fn codec_places(tree: &Tree) -> Vec<Violation> {
    let violation = |at: String| Violation {
        rule: "codec-place",
        what: format!("`{CODEC_NAME}` is named outside its one file"),
        at,
        remedy: format!("go through the codec of `{CODEC}`, so that the format can be replaced there"),
    };
    let mut found = Vec::new();
    for source in tree.sources.iter().filter(|source| source.path != CODEC) {
        let lines = words(&source.code).filter(|(_, word)| *word == CODEC_NAME).map(|(line, _)| line);
        found.extend(lines.map(|line| violation(format!("{}:{line}", source.path))));
    }
    for manifest in tree.manifests.iter().filter(|manifest| manifest.path != CODEC_MANIFEST) {
        for (index, line) in manifest.text.lines().enumerate() {
            let code = line.split('#').next().unwrap_or_default();
            if words(code).any(|(_, word)| word == CODEC_NAME) {
                found.push(violation(format!("{}:{}", manifest.path, index + 1)));
            }
        }
    }
    found
}

/// Types on the wire carry no serde attribute that the format cannot carry; tests may, to show why.
pub(crate) fn wire_attributes(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.sources.iter().filter(|source| source.path.starts_with(WIRE)) {
        let n_lines = source.n_lines_before_tests();
        for (line, attribute) in serde_words(&source.code).into_iter().filter(|(line, _)| *line <= n_lines) {
            found.push(Violation {
                rule: "wire-attribute",
                what: format!("`#[serde({attribute})]` on a type that may cross the wire"),
                at: format!("{}:{line}", source.path),
                remedy: "write the frame type plainly and convert by hand: the format has no field names to skip or merge by"
                    .to_owned(),
            });
        }
    }
    found
}

/// Forbidden words between the parentheses of every `serde(…)`, `cfg_attr` included.
fn serde_words(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("serde") {
        let before = code[..at].chars().next_back();
        let group = code[at + "serde".len()..].trim_start();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') && group.starts_with('(') {
            let first_line = code[..code.len() - group.len()].matches('\n').count();
            let inside = words(parenthesised(group)).filter(|(_, word)| UNWIRED.contains(word));
            found.extend(inside.map(|(line, word)| (first_line + line, word)));
        }
    }
    found
}

/// `text` up to the parenthesis that closes its first one.
fn parenthesised(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}
