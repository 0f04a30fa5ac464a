//! What a plugin may reach: permission kinds, grants, one pattern language per resource, and the compiled set that answers.
//! Nothing here opens, resolves or runs anything; the layer that performs a call asks first, and asks with a parsed subject.
//!
//! Everything is denied until a [`Grant`] names it. A grant has a [`PermissionKind`] and a scope: a list of patterns in the language
//! of that kind. All languages are anchored (the whole subject matches or nothing does), match on the boundaries of their resource
//! (path component, host label, key segment, topic token) and compare bytes: no case folding, no Unicode normalisation. Only host
//! names are folded, as the URL standard folds them.
//!
//! | kind | pattern | asked with |
//! |---|---|---|
//! | `fs.read`, `fs.write` | [`PathPattern`]: `workspace`, `src/**/*.ts`, `/data` | [`NormalPath`] |
//! | `net.http` | [`UrlPattern`]: `https://*.example.com/v1` | [`RequestUrl`] |
//! | `env.read` | [`EnvPattern`]: `HOME`, `APP_*` | a name |
//! | `shell.exec` | [`ProgramPattern`]: `git`, `/usr/bin/git`, `*` | a program |
//! | `invoke` | [`PluginPattern`]: `acme/count`, `acme/*#run`, `*` | plugin and handler |
//! | `cache`, `state`, `storage` | [`KeyPattern`]: `ns`, `ns:*`, `*` | a key or path |
//! | `events.publish`, `events.subscribe` | [`TopicPattern`]: `orders.*`, `orders.>` | a topic or topic pattern |
//! | `service.<name>` | [`MethodPattern`]: `complete`, `models.*`, `*` | a method |
//!
//! ```
//! use plugdock_contracts::permission::{Grant, NormalPath, PermissionKind, Permissions, RequestUrl};
//!
//! let permissions = Permissions::from_grants([
//!     Grant::new(PermissionKind::FsRead, ["workspace", "/data/**/*.csv"]),
//!     Grant::new(PermissionKind::NetHttp, ["https://api.example.com"]),
//! ])?;
//! assert!(permissions.fs_read(&NormalPath::parse("notes/today.md")?).is_allowed());
//! assert!(!permissions.fs_read(&NormalPath::parse("/data-evil/a.csv")?).is_allowed());
//! let url = RequestUrl::parse("https://api.example.com.evil.io/")?;
//! let denial = permissions.net_http(&url).denial().expect("another host");
//! assert_eq!(denial.missing().as_deref(), Some(r#"net.http scope "https://api.example.com.evil.io""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod decision;
mod env_pattern;
mod fault;
mod grant;
mod host_name;
mod key_pattern;
mod kind;
mod layer;
mod path;
mod permissions;
mod plugin_pattern;
mod program_pattern;
mod request_url;
mod service_pattern;
mod topic_pattern;
mod url_pattern;

#[cfg(test)]
mod tests;

pub use address::{AddressClass, AddressPolicy, AddressRefused, is_private_address};
pub use decision::{Decision, Denial};
pub use env_pattern::EnvPattern;
pub use fault::{PatternError, PermissionError, PermissionErrors};
pub use grant::{Grant, StateQuota};
pub use key_pattern::KeyPattern;
pub use kind::{PermissionKind, PermissionKindError, ServiceName};
pub use path::{
    NormalPath, NormalPathError, PathPattern, PathRoot, always_denied_names, always_denied_places,
};
pub use permissions::Permissions;
pub use plugin_pattern::PluginPattern;
pub use program_pattern::ProgramPattern;
pub use request_url::{RequestUrl, RequestUrlError, UrlSyntaxError};
pub use service_pattern::MethodPattern;
pub use topic_pattern::TopicPattern;
pub use url_pattern::UrlPattern;
