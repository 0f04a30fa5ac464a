//! Validated identifiers: what a plugin, handler, execution, tenant, request, worker and workspace is called.
//! An id that exists is well formed; nothing downstream checks it again, and all are safe as one path component but [`PluginId`].

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Longest id accepted, in bytes: fits one path component (255) with room for a prefix and a suffix.
pub const MAX_ID_BYTES: usize = 128;

/// Why a text is no id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind}: {reason}")]
pub struct IdError {
    /// What the text was meant to be, for example "plugin id".
    pub kind: &'static str,
    /// The refused text, shortened to 64 characters.
    pub text: String,
    /// Which rule it breaks, and what the rule is.
    pub reason: &'static str,
}

impl IdError {
    fn new(kind: &'static str, text: &str, reason: &'static str) -> Self {
        Self { kind, text: text.chars().take(64).collect::<String>().escape_debug().to_string(), reason }
    }
}

fn check_token(kind: &'static str, text: &str, extra: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::new(kind, text, "it is empty"));
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::new(kind, text, "it is longer than 128 bytes"));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(IdError::new(kind, text, "it must start with an ASCII letter or digit"));
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_' || extra.contains(c)) {
        return Err(IdError::new(
            kind,
            text,
            "it may hold only ASCII letters, digits and the marks its kind allows",
        ));
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes a text that follows the rule of this kind of id.
            ///
            /// # Errors
            /// [`IdError`] names the rule that the text breaks.
            pub fn new(text: &str) -> Result<Self, IdError> {
                let check: fn(&'static str, &str) -> Result<(), IdError> = $check;
                check($kind, text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A plugin: `scope/name` or `@scope/name`, lower-case ASCII letters, digits, `-`, `_` and `.`.
    PluginId, "plugin id (`scope/name`)", check_plugin_id
);
id!(
    /// A handler of a plugin: ASCII letters, digits, `-`, `_`, `.` and `:`.
    HandlerId, "handler id", |kind, text| check_token(kind, text, ".:")
);
id!(
    /// One attempt to run a handler. Callers may choose it; two live executions never share one.
    ExecutionId, "execution id", |kind, text| check_token(kind, text, ".")
);
id!(
    /// The request of the host that led to an execution, for correlation only.
    RequestId, "request id", |kind, text| check_token(kind, text, ".:")
);
id!(
    /// On whose behalf an execution runs. State and cache keys of different tenants never meet.
    TenantId, "tenant id", |kind, text| check_token(kind, text, ".")
);
id!(
    /// A process that runs handlers.
    WorkerId, "worker id", |kind, text| check_token(kind, text, "")
);
id!(
    /// A leased directory.
    WorkspaceId, "workspace id", |kind, text| check_token(kind, text, ".")
);

fn check_plugin_id(kind: &'static str, text: &str) -> Result<(), IdError> {
    let part_ok = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
    };
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::new(kind, text, "it is longer than 128 bytes"));
    }
    match text.strip_prefix('@').unwrap_or(text).split_once('/') {
        None => Err(IdError::new(
            kind,
            text,
            "it needs a scope and a name with one `/` between, as in `acme/count`",
        )),
        Some((scope, name)) if part_ok(scope) && part_ok(name) => Ok(()),
        Some(_) => Err(IdError::new(
            kind,
            text,
            "scope and name start with a lower-case letter or digit and hold only lower-case letters, digits, `-`, `_` and `.`",
        )),
    }
}

impl PluginId {
    /// The id as one path component: `/` becomes `+`, which no id may hold.
    pub fn to_component(&self) -> String {
        self.0.replace('/', "+")
    }
}

/// Sixteen hexadecimal digits that differ between calls and between processes.
///
/// Unique, not secret: the source is the standard library's per-process random hash keys and a counter.
fn unique_hex() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

macro_rules! generate {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// A fresh id, unique on this machine for all practical purposes (64 random bits).
            pub fn generate() -> Self {
                Self(format!(concat!($prefix, "{}"), unique_hex()).into())
            }
        }
    };
}

generate!(ExecutionId, "exec_");
generate!(RequestId, "req_");
generate!(WorkerId, "worker_");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_ids_have_a_scope_and_a_name() {
        for good in ["acme/count", "@acme/count", "a1/b.c-d_e"] {
            assert_eq!(PluginId::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "count",
            "acme/",
            "/count",
            "Acme/count",
            "acme/a/b",
            "@@acme/x",
            "acme/../x",
            "a/.b",
            "a/b\0",
        ] {
            assert!(PluginId::new(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn tokens_are_single_path_components() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a b", "-a", "_a", "a\n", "é", &"x".repeat(129)] {
            assert!(ExecutionId::new(bad).is_err(), "{bad:?} was accepted");
            assert!(TenantId::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(HandlerId::new("render.html:v2").is_ok());
    }

    #[test]
    fn generated_ids_are_valid_and_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| ExecutionId::generate()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| ExecutionId::new(id.as_str()).is_ok()));
    }

    #[test]
    fn a_bad_id_is_refused_when_read_from_data() {
        assert!(serde_json::from_str::<TenantId>("\"../x\"").is_err());
        assert_eq!(serde_json::from_str::<TenantId>("\"t1\"").unwrap().as_str(), "t1");
    }
}
