//! What was granted, as data: a kind, a scope, and why.
//! A grant is not yet checked; [`Permissions::from_grants`](super::Permissions::from_grants) checks and compiles it.

use serde::{Deserialize, Serialize};

use super::PermissionKind;

/// A permission with its scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The sort of thing granted.
    pub kind: PermissionKind,
    /// Which ones: patterns in the language of the kind. Any of them suffices; an empty scope is refused on compiling.
    #[serde(default)]
    pub scope: Vec<String>,
    /// What the plugin needs it for, in its author's words.
    #[serde(default)]
    pub why: Option<String>,
    /// Whether the plugin cannot work without it; on unless said otherwise.
    #[serde(default = "required_by_default")]
    pub required: bool,
}

fn required_by_default() -> bool {
    true
}

impl Grant {
    /// A required grant without a reason.
    pub fn new<S: Into<String>>(kind: PermissionKind, scope: impl IntoIterator<Item = S>) -> Self {
        Self { kind, scope: scope.into_iter().map(Into::into).collect(), why: None, required: true }
    }

    /// The same grant, with what it is needed for.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The same grant, that the plugin can work without.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }
}

/// How much state a plugin may keep and how often it may touch it. `None` means that the host's own limit holds.
///
/// The store counts and refuses; this only carries the numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateQuota {
    /// Most keys.
    pub max_entries: Option<u64>,
    /// Most bytes, keys and values together.
    pub max_bytes: Option<u64>,
    /// Most reads and writes in a minute.
    pub operations_per_minute: Option<u64>,
}

impl StateQuota {
    /// The tighter of the two limits, for each of them.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        Self {
            max_entries: tighter(self.max_entries, other.max_entries),
            max_bytes: tighter(self.max_bytes, other.max_bytes),
            operations_per_minute: tighter(self.operations_per_minute, other.operations_per_minute),
        }
    }
}

fn tighter(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (limit, None) | (None, limit) => limit,
    }
}
