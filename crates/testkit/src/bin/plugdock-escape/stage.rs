//! What an attempt works with: its workspace, its own program, what it knows about the host, and the list of what came of it.
//! It makes no attempt.

use std::path::{Path, PathBuf};

use plugdock_testkit::escape::{Attempted, Facts};

use super::call::Answer;
use super::name::of_answer;

/// Where attempts are made.
pub(crate) struct Stage {
    pub(crate) workspace: PathBuf,
    /// The directory of the plugin.
    pub(crate) package: PathBuf,
    pub(crate) facts: Facts,
}

impl Stage {
    pub(crate) fn new(workspace: &Path, facts: Facts) -> Self {
        let program = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
        // `<package>/bin/program`.
        let package = program.ancestors().nth(2).unwrap_or(Path::new("/")).to_owned();
        Self { workspace: workspace.to_owned(), package, facts }
    }

    /// A path in the workspace.
    pub(crate) fn own(&self, name: &str) -> PathBuf {
        self.workspace.join(name)
    }
}

/// What came of the attempts of a row.
pub(crate) type Results = Vec<Attempted>;

/// One attempt with its result in words.
pub(crate) fn found(what: impl Into<String>, result: impl Into<String>) -> Attempted {
    Attempted { what: what.into(), result: result.into(), detail: String::new() }
}

/// One attempt with the kernel's answer.
pub(crate) fn tried(what: impl Into<String>, answer: Answer) -> Attempted {
    found(what, of_answer(answer))
}
