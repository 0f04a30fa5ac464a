//! HTTP routes that a manifest offers: which request goes to which handler.
//! Nothing is served here; a host mounts the routes.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::resources::positive_span;
use super::route_path::RoutePath;
use crate::document::{Cursor, Fields, FromNode};
use crate::id::HandlerId;
use crate::span;

/// The `http` table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct HttpSection {
    /// Every route, no two of which match the same requests by the same method.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<HttpRoute>,
}

/// Requests of one method and path go to one handler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HttpRoute {
    /// Method of the request.
    pub method: HttpMethod,
    /// Path below the one that the host mounts the plugin at.
    pub path: RoutePath,
    /// Handler that answers.
    pub handler: HandlerId,
    /// How long the handler may run, when it is not the plugin's `resources.timeout`.
    #[serde(skip_serializing_if = "Option::is_none", with = "span::as_text::option")]
    pub timeout: Option<Duration>,
}

/// A request method that can be routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Reads the headers alone.
    Head,
    /// Creates or acts.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
    /// Asks what is possible.
    Options,
}

const METHODS: [(&str, HttpMethod); 7] = [
    ("GET", HttpMethod::Get),
    ("HEAD", HttpMethod::Head),
    ("POST", HttpMethod::Post),
    ("PUT", HttpMethod::Put),
    ("PATCH", HttpMethod::Patch),
    ("DELETE", HttpMethod::Delete),
    ("OPTIONS", HttpMethod::Options),
];

/// What is served already: a method with the shape of a path.
pub(super) type Served = HashSet<(HttpMethod, String)>;

impl HttpSection {
    pub(super) fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    pub(super) fn read(fields: &mut Fields<'_, '_>, served: &mut Served) -> Self {
        Self { routes: fields.list("routes", |at| HttpRoute::read(at, served)) }
    }
}

impl HttpRoute {
    fn read(at: &mut Cursor<'_, '_>, served: &mut Served) -> Option<Self> {
        let route = at.table(|fields| {
            let method = fields.required("method");
            let path = fields.required("path");
            let handler = fields.required("handler");
            let timeout = fields.optional_with("timeout", positive_span);
            Some(Self { method: method?, path: path?, handler: handler?, timeout })
        })??;
        if served.insert((route.method, route.path.shape())) {
            return Some(route);
        }
        at.refuse(format!("{} {} is served by a route above", route.method, route.path))
    }
}

impl HttpMethod {
    /// The method as requests spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

impl fmt::Display for HttpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromNode for HttpMethod {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.one_of(&METHODS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_serialized_form() {
        for (word, method) in METHODS {
            assert_eq!(method.as_str(), word);
            assert_eq!(serde_json::to_string(&method).unwrap(), format!("\"{word}\""));
        }
    }
}
