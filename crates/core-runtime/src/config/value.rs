//! One value of the configuration, checked by its row's kind.
//! It does not know where it came from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_contracts::ByteSize;
use plugdock_contracts::span::format_span;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

/// A checked value. Its [`Display`](fmt::Display) reads back equal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigValue {
    /// A word.
    Text(String),
    /// A path.
    Path(PathBuf),
    /// Paths in order.
    PathList(Vec<PathBuf>),
    /// A length of time.
    Span(Duration),
    /// A number of bytes.
    Size(ByteSize),
    /// A whole number.
    Count(u64),
    /// A share of CPU, in thousandths of a core.
    Share(u32),
    /// Texts in order.
    List(Vec<String>),
}

impl ConfigValue {
    /// The form in which the typed sections read it.
    pub(super) fn typed(&self) -> Json {
        match self {
            Self::Share(millicores) => Json::from(*millicores),
            other => other.json(),
        }
    }

    /// The value with a path made absolute, taken from `base` where it is relative.
    pub(super) fn resolved(self, base: &Path) -> Self {
        match self {
            Self::Path(path) => Self::Path(base.join(path).components().collect()),
            Self::PathList(paths) => {
                Self::PathList(paths.iter().map(|path| base.join(path).components().collect()).collect())
            }
            other => other,
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Count(number) => Json::from(*number),
            Self::List(items) => Json::from(items.clone()),
            Self::PathList(paths) => {
                paths.iter().map(|path| Json::from(path.display().to_string())).collect()
            }
            other => Json::from(other.to_string()),
        }
    }
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Span(span) => f.write_str(&format_span(*span)),
            Self::Size(size) => write!(f, "{size}"),
            Self::Count(number) => write!(f, "{number}"),
            Self::Share(millicores) => write!(f, "{millicores}m"),
            Self::List(items) => f.write_str(&items.join(",")),
            Self::PathList(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                f.write_str(&paths.join(","))
            }
        }
    }
}

impl Serialize for ConfigValue {
    /// Numbers and lists as they are, everything else as the text that may be written in a file.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident;)*) => {$(
        impl From<$type> for ConfigValue {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    &str => Text;
    String => Text;
    &Path => Path;
    PathBuf => Path;
    Duration => Span;
    ByteSize => Size;
    u32 => Count;
    u64 => Count;
    Vec<String> => List;
    Vec<PathBuf> => PathList;
}
