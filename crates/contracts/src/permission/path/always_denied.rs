//! The names and places that no grant opens.
//! This is a net under careless grants, not a way to hide a secret: whoever grants a directory should know what lies in it.

use super::{NormalPath, PathRoot};

/// Names that usually hold secrets, or that let whoever writes them run code in another program. A name here is a whole
/// component anywhere in a path, ASCII letters in either case; `*` stands for any text.
///
/// `node_modules` is not among them: it is bulk, not a secret, and tools that read sources need it; whoever does not want it
/// read grants `src/**` instead of the whole workspace.
const NAMES: [&str; 21] = [
    // Writing a hook or a configuration here runs code in the next git command; `.git` also holds tokens of remotes.
    ".git",
    ".git-credentials",
    ".ssh",
    ".gnupg",
    ".aws",
    ".kube",
    ".netrc",
    ".pgpass",
    ".htpasswd",
    ".env",
    ".env.*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.secret",
    "credentials*",
    ".credentials*",
    "id_rsa*",
    "id_ecdsa*",
    "id_ed25519*",
];

/// Absolute directories whose files are doors into the process that opens them or into the kernel. The host opens files for a
/// plugin, so that `/proc/self/environ` would be the host's environment.
const PLACES: [&str; 3] = ["proc", "sys", "dev"];

/// The names that are refused anywhere in a path, whatever is granted; `*` at an end stands for any text.
pub fn always_denied_names() -> &'static [&'static str] {
    &NAMES
}

/// The first components of absolute paths that are refused, whatever is granted.
pub fn always_denied_places() -> &'static [&'static str] {
    &PLACES
}

/// The rule that refuses a path whatever is granted, in words.
pub(in crate::permission) fn always_denied(path: &NormalPath) -> Option<String> {
    if path.root() == PathRoot::Absolute
        && let Some(place) = path.components().next().and_then(denied_place)
    {
        return Some(format!("files under `/{place}` are never opened"));
    }
    path.components().find_map(denied_name).map(|name| format!("files named `{name}` are never opened"))
}

pub(super) fn denied_place(first: &str) -> Option<&'static str> {
    PLACES.iter().find(|place| **place == first).copied()
}

pub(super) fn denied_name(component: &str) -> Option<&'static str> {
    NAMES.iter().find(|name| name_matches(name, component)).copied()
}

/// Bytes and not characters, because a component may be cut anywhere inside a character of several bytes.
fn name_matches(name: &str, component: &str) -> bool {
    let component = component.as_bytes();
    if let Some(prefix) = name.strip_suffix('*') {
        component.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    } else if let Some(suffix) = name.strip_prefix('*') {
        let start = component.len().checked_sub(suffix.len());
        start.is_some_and(|start| component[start..].eq_ignore_ascii_case(suffix.as_bytes()))
    } else {
        component.eq_ignore_ascii_case(name.as_bytes())
    }
}
