//! How far from the host a plugin must run, at the least.
//! It ranks where code runs; what the kernel enforces there is the sandbox plan's and not ranked here.

use std::fmt;

use serde::Serialize;

use crate::backend::BackendKind;
use crate::document::{Cursor, FromNode};

/// Where a plugin's handlers run, as a demand of its manifest (`min_isolation`).
///
/// By [`strength`](Self::strength): `in-process` < `subprocess` = `worker-pool` < `restricted` < `untrusted`.
///
/// - `in-process` is no boundary at all: a handler shares the host's memory, and a crash of it is a crash of the host.
/// - `subprocess` puts the kernel's process boundary between plugin and host.
/// - `worker-pool` is the same boundary with the same sandbox, so neither is refused where the other is asked for. What
///   differs is that a worker lives on: executions of *one* plugin share a process one after another. A worker never
///   serves two plugins.
///
/// - `restricted` is a process of its own in which the kernel leaves the granted part of the machine: files by Landlock,
///   system calls by a filter.
/// - `untrusted` has namespaces and a file system of its own beside that.
///
/// There is no `Ord`, because two different values are equally strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Isolation {
    /// Anywhere, the host's own process included.
    #[default]
    InProcess,
    /// In a process of its own for each execution, or as strong.
    Subprocess,
    /// In a long-lived worker process of its own, or as strong.
    WorkerPool,
    /// In a process that the kernel confines to what is granted.
    Restricted,
    /// In a process that sees nothing of the machine but what is granted.
    Untrusted,
}

const WORDS: [(&str, Isolation); 5] = [
    ("in-process", Isolation::InProcess),
    ("subprocess", Isolation::Subprocess),
    ("worker-pool", Isolation::WorkerPool),
    ("restricted", Isolation::Restricted),
    ("untrusted", Isolation::Untrusted),
];

impl Isolation {
    /// Rank of the boundary; a higher one keeps what a lower one keeps. Compare ranks, never store them.
    pub const fn strength(self) -> u8 {
        match self {
            Self::InProcess => 0,
            Self::Subprocess | Self::WorkerPool => 1,
            Self::Restricted => 2,
            Self::Untrusted => 3,
        }
    }

    /// Whether running at `self` meets a manifest that demands `min`.
    pub const fn meets(self, min: Self) -> bool {
        self.strength() >= min.strength()
    }

    /// What a backend of a kind offers. Nobody vouches for one that a host brought, so it counts as no boundary.
    pub const fn offered_by(backend: BackendKind) -> Self {
        match backend {
            BackendKind::InProcess | BackendKind::Custom => Self::InProcess,
            BackendKind::Subprocess => Self::Subprocess,
            BackendKind::WorkerPool => Self::WorkerPool,
        }
    }

    /// The word used in manifests and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Subprocess => "subprocess",
            Self::WorkerPool => "worker-pool",
            Self::Restricted => "restricted",
            Self::Untrusted => "untrusted",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromNode for Isolation {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.one_of(&WORDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_any_kind_meets_a_demand_for_one() {
        use Isolation::{InProcess, Restricted, Subprocess, Untrusted, WorkerPool};
        for (offered, min, met) in [
            (InProcess, InProcess, true),
            (InProcess, Subprocess, false),
            (InProcess, WorkerPool, false),
            (Subprocess, InProcess, true),
            (Subprocess, WorkerPool, true),
            (WorkerPool, Subprocess, true),
            (WorkerPool, Restricted, false),
            (Restricted, WorkerPool, true),
            (Restricted, Untrusted, false),
            (Untrusted, Restricted, true),
        ] {
            assert_eq!(offered.meets(min), met, "{offered} for {min}");
        }
    }

    #[test]
    fn a_backend_that_a_host_brought_meets_no_demand() {
        assert!(Isolation::offered_by(BackendKind::WorkerPool).meets(Isolation::Subprocess));
        assert!(!Isolation::offered_by(BackendKind::Custom).meets(Isolation::Subprocess));
    }

    #[test]
    fn the_word_is_the_serialized_form() {
        for (word, isolation) in WORDS {
            assert_eq!(isolation.as_str(), word);
            assert_eq!(serde_json::to_string(&isolation).unwrap(), format!("\"{word}\""));
        }
    }
}
