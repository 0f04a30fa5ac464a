//! One value of the configuration, checked by its row's kind.
//! It does not know where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_contracts::span::format_span;
use plugdock_contracts::{ByteSize, PluginId};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::field::NONE;

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
    /// Plugins with a weight each.
    Weights(BTreeMap<PluginId, u32>),
    /// The word `none`: no value where there could be one.
    Nothing,
}

impl ConfigValue {
    /// The form in which the typed sections read it.
    pub(super) fn typed(&self) -> Json {
        match self {
            Self::Share(millicores) => Json::from(*millicores),
            Self::Nothing => Json::Null,
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

    /// The value as it may be written behind `=` in a TOML file.
    pub fn to_toml(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        match self {
            Self::Weights(weights) if weights.is_empty() => "{}".to_owned(),
            // A JSON text is a TOML text as well, and so are numbers.
            Self::Weights(weights) => {
                let entry =
                    |(id, weight): (&PluginId, &u32)| format!("{} = {weight}", Json::from(id.as_str()));
                format!("{{ {} }}", list(weights.iter().map(entry).collect()))
            }
            other => match other.json() {
                Json::Array(items) => format!("[{}]", list(items.iter().map(Json::to_string).collect())),
                scalar => scalar.to_string(),
            },
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Count(number) => Json::from(*number),
            Self::Weights(weights) => {
                weights.iter().map(|(id, weight)| (id.to_string(), Json::from(*weight))).collect()
            }
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
            Self::Weights(weights) => {
                let weights: Vec<String> =
                    weights.iter().map(|(id, weight)| format!("{id}={weight}")).collect();
                f.write_str(&weights.join(","))
            }
            Self::Nothing => f.write_str(NONE),
            Self::PathList(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                f.write_str(&paths.join(","))
            }
        }
    }
}

impl Serialize for ConfigValue {
    /// Numbers, lists and tables as they are, everything else as the text that may be written in a file.
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
    BTreeMap<PluginId, u32> => Weights;
}

impl From<Vec<PluginId>> for ConfigValue {
    fn from(ids: Vec<PluginId>) -> Self {
        Self::List(ids.into_iter().map(String::from).collect())
    }
}

/// None is the word `none`, for the values that may be.
impl<T: Into<Self>> From<Option<T>> for ConfigValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}
