//! Types that are read from one value of a document.
//! Each says what is wrong in the words of a person who writes the file, never in those of a parser.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::document::{Cursor, Value};
use crate::id::{HandlerId, PluginId, TenantId};
use crate::size::ByteSize;
use crate::span::parse_span;

/// A type that [`Fields::required`](super::Fields::required) and [`Fields::optional`](super::Fields::optional) can read.
pub trait FromNode: Sized {
    /// Reads the value; when that fails, reports why through the cursor and gives `None`.
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self>;
}

impl FromNode for String {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.string().map(str::to_owned)
    }
}

impl FromNode for bool {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.boolean()
    }
}

impl FromNode for f64 {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.number()
    }
}

impl FromNode for PathBuf {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        match at.string()? {
            "" => at.refuse("an empty path"),
            text if text.contains('\0') => at.refuse("a path with a NUL byte"),
            text => Some(text.into()),
        }
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        at.items(|item| T::from_node(item))
    }
}

impl<T: FromNode> FromNode for BTreeMap<String, T> {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        let entries = at.entries(|key, value| Some((key.to_owned(), T::from_node(value)?)))?;
        Some(entries.into_iter().collect())
    }
}

impl FromNode for ByteSize {
    /// Text with a unit, or a plain number of bytes.
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        match at.node().value() {
            Value::String(_) => at.parsed(),
            Value::Integer(_) => at.integer().map(Self::from_bytes),
            _ => at.expected("a size such as \"128MiB\""),
        }
    }
}

impl FromNode for Duration {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        let Value::String(text) = at.node().value() else {
            return at.expected("a length of time such as \"30s\"");
        };
        match parse_span(text) {
            Ok(span) => Some(span),
            Err(error) => at.refuse(error.to_string()),
        }
    }
}

impl FromNode for semver::Version {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        let text = at.string()?;
        match text.parse() {
            Ok(version) => Some(version),
            Err(error) => at.refuse_with_help(
                format!("`{text}` is no version: {error}"),
                "write it as major.minor.patch, for example 0.1.0",
            ),
        }
    }
}

impl FromNode for semver::VersionReq {
    fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
        let text = at.string()?;
        match text.parse() {
            Ok(range) => Some(range),
            Err(error) => at.refuse_with_help(
                format!("`{text}` is no version range: {error}"),
                "write for example \">=0.1, <0.3\"",
            ),
        }
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl FromNode for $integer {
            fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
                at.integer()
            }
        }
    )*};
}

macro_rules! from_text {
    ($($text:ty),*) => {$(
        impl FromNode for $text {
            fn from_node(at: &mut Cursor<'_, '_>) -> Option<Self> {
                at.parsed()
            }
        }
    )*};
}

from_integer!(i64, u16, u32, u64, usize);
from_text!(HandlerId, PluginId, TenantId);
