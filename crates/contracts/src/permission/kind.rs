//! The kinds of permission, by name.
//! A kind says what sort of thing is granted, never which one: that is the scope of a [`Grant`](super::Grant).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::excerpt;

const SERVICE_PREFIX: &str = "service.";

/// Longest name of a service, in bytes. Names are written by people; a longer one is a mistake.
const MAX_SERVICE_NAME: usize = 64;

/// Names of other systems that are read as one of ours, with the reason for the choice.
const ALIASES: [(&str, PermissionKind); 6] = [
    // Both meant "may fetch"; sockets are never granted, so HTTP is all that is left of them.
    ("network-access", PermissionKind::NetHttp),
    ("network", PermissionKind::NetHttp),
    // Reading and writing the plugin's own store was told apart; here a namespace is granted whole.
    ("storage-read", PermissionKind::Storage),
    ("storage-write", PermissionKind::Storage),
    // The narrower reading: whoever wants to write must say so with `fs.write`.
    ("filesystem-access", PermissionKind::FsRead),
    ("filesystem", PermissionKind::FsRead),
];

/// A sort of thing that a plugin may be granted. Serialises as its name.
///
/// Parsing also takes the aliases `network` and `network-access` (`net.http`), `storage-read` and `storage-write` (`storage`),
/// `filesystem` and `filesystem-access` (`fs.read`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum PermissionKind {
    /// `fs.read`: read files and list directories.
    FsRead,
    /// `fs.write`: create, change and remove files and directories.
    FsWrite,
    /// `net.http`: make HTTP requests through the host.
    NetHttp,
    /// `env.read`: read variables of the host's environment.
    EnvRead,
    /// `shell.exec`: run programs.
    ShellExec,
    /// `invoke`: call handlers of other plugins.
    Invoke,
    /// `cache`: use namespaces of the cache.
    Cache,
    /// `state`: use namespaces of the persistent state.
    State,
    /// `storage`: use paths of the plugin's file storage.
    Storage,
    /// `events.publish`: publish events.
    EventsPublish,
    /// `events.subscribe`: receive events.
    EventsSubscribe,
    /// `service.<name>`: call methods of a further service of the host. The registry of names is open.
    Service(ServiceName),
}

impl PermissionKind {
    /// The name, as a manifest writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::FsRead => "fs.read",
            Self::FsWrite => "fs.write",
            Self::NetHttp => "net.http",
            Self::EnvRead => "env.read",
            Self::ShellExec => "shell.exec",
            Self::Invoke => "invoke",
            Self::Cache => "cache",
            Self::State => "state",
            Self::Storage => "storage",
            Self::EventsPublish => "events.publish",
            Self::EventsSubscribe => "events.subscribe",
            Self::Service(name) => &name.permission,
        }
    }

    /// Every kind with a fixed name; `service.<name>` is open and not among them.
    pub const fn known() -> &'static [Self] {
        const KNOWN: &[PermissionKind] = &[
            PermissionKind::FsRead,
            PermissionKind::FsWrite,
            PermissionKind::NetHttp,
            PermissionKind::EnvRead,
            PermissionKind::ShellExec,
            PermissionKind::Invoke,
            PermissionKind::Cache,
            PermissionKind::State,
            PermissionKind::Storage,
            PermissionKind::EventsPublish,
            PermissionKind::EventsSubscribe,
        ];
        KNOWN
    }

    /// What the permission lets a plugin do, in plain words that follow "may".
    pub fn in_words(&self) -> String {
        match self {
            Self::FsRead => "read files",
            Self::FsWrite => "create, change and remove files",
            Self::NetHttp => "make HTTP requests",
            Self::EnvRead => "read environment variables",
            Self::ShellExec => "run programs",
            Self::Invoke => "call other plugins",
            Self::Cache => "use the cache",
            Self::State => "keep state between runs",
            Self::Storage => "store files of its own",
            Self::EventsPublish => "publish events",
            Self::EventsSubscribe => "receive events",
            Self::Service(name) => return format!("use the service `{name}`"),
        }
        .to_owned()
    }
}

impl fmt::Display for PermissionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<PermissionKind> for String {
    fn from(kind: PermissionKind) -> Self {
        kind.as_str().to_owned()
    }
}

impl TryFrom<String> for PermissionKind {
    type Error = PermissionKindError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for PermissionKind {
    type Err = PermissionKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix(SERVICE_PREFIX) {
            return name.parse().map(Self::Service);
        }
        if let Some(kind) = Self::known().iter().find(|kind| kind.as_str() == text) {
            return Ok(kind.clone());
        }
        match ALIASES.iter().find(|(alias, _)| *alias == text) {
            Some((_, kind)) => Ok(kind.clone()),
            None => Err(PermissionKindError::unknown(text)),
        }
    }
}

/// Why a text names no kind of permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PermissionKindError {
    /// No kind has this name; one with a similar name may exist.
    #[error("unknown permission {name:?}{}", match suggestion {
        Some(kind) => format!(", did you mean {kind}?"),
        None => String::from(": it is none of the fixed names and does not start with \"service.\""),
    })]
    Unknown {
        /// The text, shortened if it is long.
        name: String,
        /// A kind with a similar name.
        suggestion: Option<PermissionKind>,
    },
    /// The part after `service.` is no name of a service.
    #[error(
        "{name:?} is no name of a service: write 1 to 64 lower-case ASCII letters, digits, `-` or `_`, a letter first"
    )]
    ServiceName {
        /// The text, shortened if it is long.
        name: String,
    },
}

impl PermissionKindError {
    fn unknown(text: &str) -> Self {
        let name = excerpt(text);
        let lower = name.to_ascii_lowercase();
        let distance = |known: &str| strsim::damerau_levenshtein(&lower, known);
        let fixed = PermissionKind::known().iter().map(|kind| (kind.as_str(), kind));
        let nearest = fixed
            .chain(ALIASES.iter().map(|(alias, kind)| (*alias, kind)))
            .map(|(known, kind)| (distance(known), known.len(), kind))
            .min_by_key(|(distance, ..)| *distance);
        // A third of the name may differ; beyond that a suggestion is a guess.
        let suggestion = nearest
            .filter(|(distance, length, _)| distance * 3 <= (*length).max(3))
            .map(|(_, _, kind)| kind.clone());
        Self::Unknown { name, suggestion }
    }
}

/// The name of a service of the host: lower-case ASCII letters, digits, `-` and `_`, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName {
    /// The whole name of the permission, so that [`PermissionKind::as_str`] can lend it.
    permission: String,
}

impl ServiceName {
    /// The name, without `service.` in front.
    pub fn as_str(&self) -> &str {
        &self.permission[SERVICE_PREFIX.len()..]
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ServiceName {
    type Err = PermissionKindError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let letter_first = name.starts_with(|c: char| c.is_ascii_lowercase());
        let rest_fits =
            name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if letter_first && rest_fits && name.len() <= MAX_SERVICE_NAME {
            Ok(Self { permission: format!("{SERVICE_PREFIX}{name}") })
        } else {
            Err(PermissionKindError::ServiceName { name: excerpt(name) })
        }
    }
}
