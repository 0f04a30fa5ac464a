//! The files of a checkout that tidiness is about, read once.
//! Reads only; the rules get the tree.

use std::path::{Path, PathBuf};

use super::code::code_of;
use crate::check_deps::relative;
use crate::failure::ChoreError;
use crate::file;

/// Everything the rules look at.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    /// Names of the entries at the top level.
    pub(crate) top: Vec<String>,
    /// Rust files below `crates/` and `xtask/`.
    pub(crate) sources: Vec<Source>,
    /// Cargo manifests below `crates/` and `xtask/`.
    pub(crate) manifests: Vec<Text>,
    /// Markdown below `docs/` and at the top level.
    pub(crate) documents: Vec<Text>,
    /// The clippy configuration, empty where it is missing.
    pub(crate) clippy: String,
}

/// A file and its text.
#[derive(Debug)]
pub(crate) struct Text {
    /// Path relative to the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A Rust file, with a copy that shows code alone.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// `text` without comments and literals, line for line.
    pub(crate) code: String,
}

impl Source {
    /// Lines that are no tests: none in a test file, otherwise those before a test module at the end.
    pub(crate) fn n_lines_before_tests(&self) -> usize {
        if is_test(&self.path) {
            return 0;
        }
        trailing_tests(&self.text).unwrap_or_else(|| self.text.lines().count())
    }
}

impl Tree {
    /// Reads the checkout at `root`.
    pub(crate) fn load(root: &Path) -> Result<Self, ChoreError> {
        let below = |folders: &[&str], extension: &str| {
            let mut found = Vec::new();
            for folder in folders {
                found.extend(file::below(&root.join(folder), &[extension])?);
            }
            texts(root, found)
        };
        let entries = file::entries(root)?;
        let front: Vec<PathBuf> =
            entries.iter().filter(|path| path.extension().is_some_and(|it| it == "md")).cloned().collect();
        let mut documents = texts(root, front)?;
        documents.extend(below(&["docs"], "md")?);
        let mut manifests = below(&["crates", "xtask"], "toml")?;
        manifests.retain(|text| text.path.ends_with("/Cargo.toml"));
        let sources = below(&["crates", "xtask"], "rs")?
            .into_iter()
            .map(|Text { path, text }| Source { path, code: code_of(&text), text })
            .collect();
        Ok(Self {
            root: root.to_owned(),
            top: entries.iter().map(|path| relative(path, root)).collect(),
            sources,
            manifests,
            documents,
            clippy: std::fs::read_to_string(root.join(".clippy.toml")).unwrap_or_default(),
        })
    }
}

fn texts(root: &Path, paths: Vec<PathBuf>) -> Result<Vec<Text>, ChoreError> {
    paths.into_iter().map(|path| Ok(Text { text: file::read(&path)?, path: relative(&path, root) })).collect()
}

/// Whether the whole file is tests.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
}

/// Lines before a test module that ends the file.
fn trailing_tests(text: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let opening = lines.windows(2).rposition(|pair| pair[0] == "#[cfg(test)]" && pair[1] == "mod tests {")?;
    let closing = lines.iter().skip(opening).position(|line| *line == "}")?;
    (opening + closing + 1 == lines.len()).then_some(opening)
}
