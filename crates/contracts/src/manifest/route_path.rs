//! A path that a plugin serves, with parameters: `/items/{id}` or `/files/{*rest}`.
//! It is the pattern only; matching requests is the router's work.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::document::{Cursor, FromNode};

/// Longest path accepted, in bytes: routers and proxies cut far longer ones.
const MAX_BYTES: usize = 1024;

/// A validated route: literal segments, `{name}` for one segment, and at the end `{*name}` for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RoutePath(String);

/// Why a text is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no route: {reason}", text.escape_debug())]
pub struct RoutePathError {
    /// The refused text, shortened to 80 characters.
    pub text: String,
    /// Which rule it breaks, and what would be right.
    pub reason: &'static str,
}

impl RoutePath {
    /// The route as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names of the parameters, from left to right.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter_map(parameter).map(|name| name.strip_prefix('*').unwrap_or(name))
    }

    /// The route without the names of its parameters: two routes of one shape match the same requests.
    pub(super) fn shape(&self) -> String {
        let segments = self.0.split('/').map(|segment| match parameter(segment) {
            Some(name) if name.starts_with('*') => "{*}",
            Some(_) => "{}",
            None => segment,
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

impl FromStr for RoutePath {
    type Err = RoutePathError;

    fn from_str(text: &str) -> Result<Self, RoutePathError> {
        match check(text) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(reason) => Err(RoutePathError { text: text.chars().take(80).collect(), reason }),
        }
    }
}

fn check(text: &str) -> Result<(), &'static str> {
    let Some(inside) = text.strip_prefix('/') else {
        return Err("it must start with `/`");
    };
    if text.len() > MAX_BYTES {
        return Err("it is longer than 1024 bytes");
    }
    if inside.is_empty() {
        return Ok(());
    }
    let mut names = Vec::new();
    let mut segments = inside.split('/').peekable();
    while let Some(segment) = segments.next() {
        let Some(name) = parameter(segment) else {
            check_literal(segment)?;
            continue;
        };
        let (name, rest) = name.strip_prefix('*').map_or((name, false), |name| (name, true));
        if rest && segments.peek().is_some() {
            return Err("`{*name}` takes all the rest and so stands last");
        }
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err("a parameter's name holds letters, digits and `_`, and starts with no digit");
        }
        if names.contains(&name) {
            return Err("two parameters have one name");
        }
        names.push(name);
    }
    Ok(())
}

fn check_literal(segment: &str) -> Result<(), &'static str> {
    match segment {
        "" => return Err("it has an empty segment; routes hold no `//` and end in no `/`"),
        "." | ".." => return Err("a segment is `.` or `..`, which clients resolve before they ask"),
        "*" => return Err("write `{*rest}` to take the rest of the path"),
        _ => {}
    }
    if segment.starts_with(':') {
        return Err("write `{id}` for a parameter, not `:id`");
    }
    if segment.contains(['?', '#']) {
        return Err("query and fragment are no part of a route");
    }
    if segment.contains(['{', '}']) {
        return Err("a parameter takes a whole segment, as in `/items/{id}`");
    }
    if !segment.chars().all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()+,;=:@".contains(c)) {
        return Err("a segment holds ASCII letters, digits and -._~!$&'()+,;=:@ only");
    }
    Ok(())
}

/// What stands between the braces of a segment that is a parameter.
fn parameter(segment: &str) -> Option<&str> {
    let inside = segment.strip_prefix('{')?.strip_suffix('}')?;
    (!inside.contains(['{', '}'])).then_some(inside)
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromNode for RoutePath {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.parsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_have_literals_parameters_and_a_rest() {
        for (text, shape, names) in [
            ("/", "/", vec![]),
            ("/items", "/items", vec![]),
            ("/items/{id}/tags/{tag_2}", "/items/{}/tags/{}", vec!["id", "tag_2"]),
            ("/files/{*rest}", "/files/{*}", vec!["rest"]),
            ("/v1.0/a:b", "/v1.0/a:b", vec![]),
        ] {
            let route: RoutePath = text.parse().unwrap();
            assert_eq!(route.shape(), shape, "{text}");
            assert_eq!(route.parameters().collect::<Vec<_>>(), names, "{text}");
        }
    }

    #[test]
    fn what_no_request_could_match_is_refused() {
        for text in [
            "",
            "items",
            "//",
            "/a//b",
            "/a/",
            "/a/../b",
            "/.",
            "/:id",
            "/*",
            "/{*rest}/x",
            "/{}",
            "/{1a}",
            "/{a-b}",
            "/{id}/{id}",
            "/x{id}",
            "/{id",
            "/a?b=1",
            "/a#b",
            "/a b",
            "/é",
            "/{{id}}",
            "/%2e%2e",
            &format!("/{}", "x".repeat(1024)),
        ] {
            assert!(text.parse::<RoutePath>().is_err(), "{text:?} was accepted");
        }
    }
}
