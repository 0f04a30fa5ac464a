//! The pattern language of `cache`, `state` and `storage`.
//! It sees the key a plugin uses; whose key it is (tenant and plugin) is put in front by the store, after the check.

use std::fmt;
use std::str::FromStr;

use super::PatternError;

/// Longest key, in bytes: stores index keys, and a longer one is data.
pub(super) const MAX_KEY_BYTES: usize = 1024;

/// Segments separated by `:` or `/`.
///
/// `ns` covers `ns` and everything below it (`ns:a`, `ns/a/b`) but not `nsother`; `ns:*` covers what is below it behind that
/// separator but not `ns` itself; `*` covers everything. Case counts.
///
/// In `storage` a key is a path, where only `/` separates: `ns` does not cover `ns:a`, which is another directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    text: String,
    reach: Reach,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Everything,
    /// The text and what follows it behind a separator.
    AtOrBelow,
    /// What follows the text, which ends in a separator.
    Below(String),
}

impl KeyPattern {
    /// Whether a key of the cache or the state is covered.
    pub fn matches(&self, key: &str) -> bool {
        key_fault(key).is_none() && self.covers(key, &[':', '/'])
    }

    /// Whether a path of the storage is covered.
    pub fn matches_path(&self, path: &str) -> bool {
        path_fault(path).is_none() && self.covers(path, &['/'])
    }

    fn covers(&self, key: &str, separators: &[char]) -> bool {
        match &self.reach {
            Reach::Everything => true,
            Reach::AtOrBelow => key
                .strip_prefix(&self.text)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(separators)),
            Reach::Below(base) => key.strip_prefix(base.as_str()).is_some_and(|rest| !rest.is_empty()),
        }
    }

    /// The pattern of the namespace that a key belongs to: its first segment, or everything if that is no pattern.
    pub(super) fn namespace_of(key: &str, separators: &[char]) -> String {
        let first = key.split(separators).next().unwrap_or_default();
        let pattern = if separators.contains(&':') || !first.contains(':') { first } else { key };
        pattern.parse::<Self>().map_or_else(|_| "*".to_owned(), |pattern| pattern.text)
    }
}

/// The rule that refuses a key whatever is granted. A store that keeps keys as files must not be led out of its directory.
pub(super) fn key_fault(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        Some("an empty key is never used")
    } else if key.len() > MAX_KEY_BYTES {
        Some("a key longer than 1024 bytes is never used")
    } else if key.contains(char::is_control) {
        Some("a key with a control character is never used")
    } else if key.split([':', '/']).any(|segment| segment == "." || segment == "..") {
        Some("a key with a `.` or `..` segment is never used")
    } else {
        None
    }
}

/// Likewise for a path of the storage, in which every segment becomes a directory.
pub(super) fn path_fault(path: &str) -> Option<&'static str> {
    key_fault(path).or_else(|| {
        if path.split('/').any(str::is_empty) {
            Some("a storage path with an empty segment or a slash at either end is never used")
        } else if path.contains('\\') {
            Some("a storage path with a backslash is never used")
        } else {
            None
        }
    })
}

impl FromStr for KeyPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem, fix| Err(PatternError::new(text, problem, fix));
        if let Some(fault) = key_fault(text) {
            return error("can never cover a key", fault);
        }
        let segments: Vec<&str> = text.split([':', '/']).collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return error(
                "has an empty segment",
                "write one `:` or `/` between segments and none at the end",
            );
        }
        let (last, before) = segments.split_last().expect("splitting yields at least one segment");
        if before.iter().any(|segment| segment.contains('*')) || (last.contains('*') && *last != "*") {
            return error(
                "has a `*` that is not the whole last segment",
                "write `ns:*`, or `ns` for all of a namespace",
            );
        }
        let reach = match (text.strip_suffix('*'), before) {
            (None, _) => Reach::AtOrBelow,
            (Some(_), []) => Reach::Everything,
            (Some(base), _) => Reach::Below(base.to_owned()),
        };
        Ok(Self { text: text.to_owned(), reach })
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
