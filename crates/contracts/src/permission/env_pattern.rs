//! The pattern language of `env.read`.
//! It reads no environment; which names every plugin may read without a grant is the host's to say.

use std::fmt;
use std::str::FromStr;

use super::PatternError;

/// Longest name, in bytes; longer ones do not occur.
const MAX_NAME_BYTES: usize = 255;

/// The name of a variable, exactly, or all that start with a word: `APP_*`.
///
/// The `*` stands at the end, behind an underscore, and for at least one character. Case counts. A bare `*` is refused: the host's
/// environment holds its secrets, and nobody means all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvPattern {
    name: String,
    prefix: bool,
}

impl EnvPattern {
    /// Whether the variable of this name is covered.
    pub fn matches(&self, name: &str) -> bool {
        match name.strip_prefix(&self.name) {
            Some("") => !self.prefix,
            Some(_) => self.prefix && is_env_name(name),
            None => false,
        }
    }
}

/// Whether a variable can have this name: ASCII letters, digits and `_`, no digit first.
pub(super) fn is_env_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= MAX_NAME_BYTES
}

impl FromStr for EnvPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem, fix| Err(PatternError::new(text, problem, fix));
        let (name, prefix) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
        if text == "*" {
            return error("covers the whole environment", "name the variables, or a prefix as in `APP_*`");
        }
        if prefix && !name.ends_with('_') {
            return error(
                "has a `*` that does not follow `_`",
                "write `APP_*`, so that `APPLE` is not covered",
            );
        }
        if !is_env_name(name) {
            return error(
                "is no name of a variable",
                "write ASCII letters, digits and `_`, no digit first, and `*` only at the end",
            );
        }
        Ok(Self { name: name.to_owned(), prefix })
    }
}

impl fmt::Display for EnvPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, if self.prefix { "*" } else { "" })
    }
}
