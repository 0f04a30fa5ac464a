//! The answer to "may this be done?", with the rule behind it.
//! It does not know who asked; the caller adds plugin and execution when it audits a denial.

use serde::{Deserialize, Serialize};

use super::fault::excerpt;
use super::{Grant, PermissionKind};

/// Whether something may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub enum Decision {
    /// It may.
    Allowed {
        /// The pattern that allows it. Of an intersection, the one of the first set.
        rule: String,
    },
    /// It may not.
    Denied(Denial),
}

impl Decision {
    /// Whether it may be done.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// Why not, if it may not.
    pub fn denial(self) -> Option<Denial> {
        self.into_result().err()
    }

    /// The pattern that allows it, for use with `?`.
    ///
    /// # Errors
    /// The denial, if it may not be done.
    pub fn into_result(self) -> Result<String, Denial> {
        match self {
            Self::Allowed { rule } => Ok(rule),
            Self::Denied(denial) => Err(denial),
        }
    }
}

/// What was refused and what would have allowed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[error("{kind} of {subject:?} is denied: {}", self.reason())]
#[non_exhaustive]
pub struct Denial {
    /// The kind of permission that was asked for.
    pub kind: PermissionKind,
    /// What was asked for, shortened if it is long. The query of a URL is left out, because it may hold a secret.
    pub subject: String,
    /// The fixed rule that refuses it whatever is granted, if one does.
    pub rule: Option<String>,
    /// The narrowest scope entry that would have allowed it; `None` when a fixed rule refuses it, and no grant would help.
    pub missing_scope: Option<String>,
}

impl Denial {
    /// A refusal by a fixed rule, which no grant would change; for whoever finds it only while the thing is done, as a symbolic
    /// link on the way or an address that a name leads to. The rule reads after "because".
    pub fn by_rule(kind: PermissionKind, subject: &str, rule: impl Into<String>) -> Self {
        Self { kind, subject: excerpt(subject), rule: Some(rule.into()), missing_scope: None }
    }

    /// The grant that would have allowed it, as text: `net.http scope "https://api.example.com"`.
    pub fn missing(&self) -> Option<String> {
        self.missing_scope.as_ref().map(|scope| format!("{} scope {scope:?}", self.kind))
    }

    /// The grant that would have allowed it, as data, for a host that asks its user.
    pub fn missing_grant(&self) -> Option<Grant> {
        self.missing_scope.as_ref().map(|scope| Grant::new(self.kind.clone(), [scope.as_str()]))
    }

    fn reason(&self) -> String {
        match (&self.rule, self.missing()) {
            (Some(rule), _) => format!("{rule}, whatever is granted"),
            (None, Some(missing)) => format!("it needs the grant {missing}"),
            (None, None) => "nothing grants it".to_owned(),
        }
    }
}
