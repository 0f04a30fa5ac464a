//! The pattern language of `invoke`.
//! It knows no plugin; depth and cycles of calls are limited elsewhere.

use std::fmt;
use std::str::FromStr;

use super::PatternError;

/// A plugin (`acme/count`), every plugin of a scope (`acme/*`) or every plugin (`*`), and with `#run` only that handler.
///
/// Ids are compared exactly: `acme/count` and `@acme/count` are two plugins, and `acme/*` does not cover `@acme/count`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginPattern {
    target: Target,
    handler: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Any,
    /// With the slash at its end.
    Scope(String),
    Plugin(String),
}

impl PluginPattern {
    /// Whether calling this handler of this plugin is covered.
    pub fn matches(&self, plugin: &str, handler: &str) -> bool {
        let target = match &self.target {
            Target::Any => true,
            Target::Scope(scope) => plugin.starts_with(scope),
            Target::Plugin(id) => id == plugin,
        };
        target && self.handler.as_ref().is_none_or(|wanted| wanted == handler) && is_callee(plugin, handler)
    }
}

/// Whether the texts have the form of a plugin's id and a handler's.
pub(super) fn is_callee(plugin: &str, handler: &str) -> bool {
    let parts = plugin.strip_prefix('@').unwrap_or(plugin).split_once('/');
    parts.is_some_and(|(scope, name)| is_part(scope) && is_part(name)) && is_handler(handler)
}

fn is_part(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_handler(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
}

impl FromStr for PluginPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem, fix| Err(PatternError::new(text, problem, fix));
        let (id, handler) = text.split_once('#').map_or((text, None), |(id, handler)| (id, Some(handler)));
        if handler.is_some_and(|handler| !is_handler(handler)) {
            return error(
                "has no handler's name after `#`",
                "name one handler, or leave `#` out to cover all of them",
            );
        }
        let bare = id.strip_prefix('@').unwrap_or(id);
        let target = match bare.split_once('/') {
            None if id == "*" => Target::Any,
            Some((scope, "*")) if is_part(scope) => Target::Scope(id[..id.len() - 1].to_owned()),
            Some((scope, name)) if is_part(scope) && is_part(name) => Target::Plugin(id.to_owned()),
            _ => return error("names no plugin", "write `scope/name`, `scope/*` for a whole scope, or `*`"),
        };
        Ok(Self { target, handler: handler.map(str::to_owned) })
    }
}

impl fmt::Display for PluginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Any => f.write_str("*")?,
            Target::Scope(scope) => write!(f, "{scope}*")?,
            Target::Plugin(id) => f.write_str(id)?,
        }
        self.handler.as_ref().map_or(Ok(()), |handler| write!(f, "#{handler}"))
    }
}
