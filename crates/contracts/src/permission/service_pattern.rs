//! The pattern language of `service.<name>`: which methods of the service may be called.
//! What a method may do with its arguments (models, collections) is the service's own to check.

use std::fmt;
use std::str::FromStr;

use super::PatternError;

/// Longest name of a method, in bytes.
const MAX_METHOD_BYTES: usize = 128;

/// A method (`complete`), every method below a name (`models.*`), or every method (`*`).
///
/// `models` does not cover `models.list`: a method is a method and no namespace. Case counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodPattern {
    text: String,
}

impl MethodPattern {
    /// Whether calling this method is covered.
    pub fn matches(&self, method: &str) -> bool {
        let covered = match self.text.strip_suffix('*') {
            Some(base) => method.starts_with(base),
            None => self.text == method,
        };
        covered && is_method(method)
    }
}

/// Whether a text can name a method: names of ASCII letters, digits, `_` and `-`, joined by dots.
pub(super) fn is_method(text: &str) -> bool {
    let name_fits = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    text.len() <= MAX_METHOD_BYTES && text.split('.').all(name_fits)
}

impl FromStr for MethodPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.strip_suffix(".*").unwrap_or(text);
        if text == "*" || is_method(names) {
            return Ok(Self { text: text.to_owned() });
        }
        Err(PatternError::new(
            text,
            "names no method",
            "write a method, `models.*` for all below a name, or `*` for all",
        ))
    }
}

impl fmt::Display for MethodPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
