//! Why a chore could not be carried out or did not pass.
//! `Display` never prints its source; `main` walks the chain.

use std::path::PathBuf;

/// What can go wrong in a chore.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoreError {
    #[error("failed to read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("failed to write `{path}`")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("failed to read the workspace at `{root}` with cargo metadata")]
    Metadata { root: PathBuf, source: Box<cargo_metadata::Error> },
    #[error("failed to start `{line}`")]
    Start { line: String, source: std::io::Error },
    #[error("`{line}` ended with {status}")]
    Command { line: String, status: std::process::ExitStatus },
    #[error("{count}")]
    Violations { count: String },
    #[error("{what}; {remedy}")]
    Unmet { what: String, remedy: String },
    #[error("{0}")]
    Usage(String),
}

/// `error` and its sources, outermost first.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
