//! What can be wrong with a pattern, with a grant and with a set of grants.
//! A denial is no fault: it is an answer, see [`Denial`](super::Denial).

use std::fmt;

use super::PermissionKind;

/// Longest text of a subject or pattern that a message repeats, in characters: enough to recognise it, not enough to flood a log.
const EXCERPT_CHARS: usize = 160;

/// The start of `text`, for messages. Callers quote it with `{:?}`, so that it cannot forge lines of a log.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A pattern that does not follow its language: which one, what is wrong and how to write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?} {problem}: {fix}")]
#[non_exhaustive]
pub struct PatternError {
    /// The pattern, shortened if it is long.
    pub pattern: String,
    /// What is wrong with it, reading after the pattern.
    pub problem: String,
    /// How to put it right.
    pub fix: String,
}

impl PatternError {
    pub(super) fn new(pattern: &str, problem: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { pattern: excerpt(pattern), problem: problem.into(), fix: fix.into() }
    }
}

/// One fault of one grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PermissionError {
    /// An entry of the scope is no pattern of the kind's language.
    #[error("{kind}, entry {entry} of its scope")]
    Pattern {
        /// The kind of the grant.
        kind: PermissionKind,
        /// The position of the grant among those given, from 0.
        grant: usize,
        /// The position of the pattern in the scope, from 0.
        entry: usize,
        /// What is wrong with the pattern.
        source: PatternError,
    },
    /// The scope is empty, so that the grant would grant nothing.
    #[error("{kind} has an empty scope and would grant nothing: name what it may reach, or remove it")]
    EmptyScope {
        /// The kind of the grant.
        kind: PermissionKind,
        /// The position of the grant among those given, from 0.
        grant: usize,
    },
}

impl PermissionError {
    /// The position of the faulty grant among those given, from 0.
    pub fn grant(&self) -> usize {
        match self {
            Self::Pattern { grant, .. } | Self::EmptyScope { grant, .. } => *grant,
        }
    }
}

/// Every fault of a set of grants, in the order of the grants. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionErrors(Vec<PermissionError>);

impl PermissionErrors {
    pub(super) fn new(errors: Vec<PermissionError>) -> Self {
        Self(errors)
    }

    /// The faults, in the order of the grants.
    pub fn errors(&self) -> &[PermissionError] {
        &self.0
    }
}

impl fmt::Display for PermissionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fault(s) in the permissions", self.0.len())?;
        for error in &self.0 {
            match error {
                // The faults are parts of this error and not its source, of which there can be only one: nobody else prints them.
                PermissionError::Pattern { source, .. } => write!(f, "; {error}: {source}")?,
                PermissionError::EmptyScope { .. } => write!(f, "; {error}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for PermissionErrors {}
