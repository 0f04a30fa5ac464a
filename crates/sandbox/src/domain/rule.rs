//! One rule of a domain: a file or directory, and what may be done with it and below it.
//! Everything without a rule is closed; there are no rules that take away.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a rule opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FileAccess {
    /// Files are read and directories listed.
    Read,
    /// Files are read and run as programs.
    Run,
    /// Files and directories are read, made, changed and removed; nothing is run. Devices and sockets are not made.
    Write,
    /// A device is read and written; nothing is made or removed.
    Device,
}

impl FileAccess {
    /// The word of a line of a plan's identity and of explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Write => "write",
            Self::Device => "device",
        }
    }
}

/// Why a rule is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RuleOrigin {
    /// A grant of the manifest.
    Grant,
    /// What a program needs to start: itself, its loader, shared libraries.
    Runtime,
    /// The worker's own directories. They differ between workers that are alike, so they are no part of a plan's identity.
    Own,
}

/// A file or directory, and what may be done with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRule {
    /// Absolute; links are followed when the rule is put in force.
    pub path: PathBuf,
    /// What may be done.
    pub access: FileAccess,
    /// Why.
    pub origin: RuleOrigin,
}

impl FileRule {
    /// A rule.
    pub fn new(path: impl Into<PathBuf>, access: FileAccess, origin: RuleOrigin) -> Self {
        Self { path: path.into(), access, origin }
    }
}
