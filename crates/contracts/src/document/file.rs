//! One document: its text, read as TOML or JSON into a tree.
//! It is handed the text; finding and opening the file is the caller's.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::fault::Faults;
use super::fields::Fields;
use super::node::Node;
use super::place::Place;
use super::source::Source;
use super::{Cursor, from_json, from_toml};

/// Longest text accepted. A hand-written file is a thousand times smaller, and reading costs at most [`MAX_DEPTH`] scans of it.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// Deepest nesting accepted: far above any configuration, far below what would overflow a stack.
pub const MAX_DEPTH: usize = 64;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// TOML 1.
    Toml,
    /// JSON without extensions.
    Json,
}

/// A file name whose ending says neither TOML nor JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}` ends in neither `.toml` nor `.json`")]
pub struct FormatError {
    /// The file name.
    pub file: String,
}

impl Format {
    /// The format that a file's name says, by its ending.
    ///
    /// # Errors
    /// [`FormatError`] when the ending is neither `.toml` nor `.json`.
    pub fn of_path(path: &Path) -> Result<Self, FormatError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some(ending) if ending.eq_ignore_ascii_case("toml") => Ok(Self::Toml),
            Some(ending) if ending.eq_ignore_ascii_case("json") => Ok(Self::Json),
            _ => Err(FormatError { file: path.display().to_string() }),
        }
    }
}

/// A document's text as a tree whose every value knows its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    source: Arc<Source>,
    root: Node,
}

impl Document {
    /// Reads a text. `name` is what messages call the document, usually its file name.
    ///
    /// # Errors
    /// All faults of syntax, or the one that stops reading. So is a duplicate key, a date, a `null`, a number that does
    /// not fit 64 bits, nesting beyond [`MAX_DEPTH`] and a text longer than [`MAX_DOCUMENT_BYTES`].
    pub fn parse(text: &str, name: &str, format: Format) -> Result<Self, Faults> {
        if text.len() > MAX_DOCUMENT_BYTES {
            let mut faults = Faults::new(Arc::new(Source::new(name, "")));
            let message = format!("{} bytes long; at most {MAX_DOCUMENT_BYTES} are read", text.len());
            faults.push(&(0..0), String::new(), message, None);
            return Err(faults);
        }
        let source = Arc::new(Source::new(name, text));
        let mut faults = Faults::new(Arc::clone(&source));
        let root = match format {
            Format::Toml => from_toml::parse(&source, &mut faults),
            Format::Json => from_json::parse(&source, &mut faults),
        };
        match root {
            Some(root) if faults.is_empty() => Ok(Self { source, root }),
            _ => Err(faults.sorted()),
        }
    }

    /// The outermost value.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Reads the outermost table into a value. Every key that `read` did not ask for is a fault.
    ///
    /// # Errors
    /// All faults, those that `read` reported and the unknown keys, in the order of the text.
    pub fn read<T>(&self, read: impl FnOnce(&mut Fields<'_, '_>) -> Option<T>) -> Result<T, Faults> {
        self.read_with_keys(read).0
    }

    /// The same, and the shape of every key that was asked for, such as `http.routes[].path` or `permissions.*.scope`.
    ///
    /// Keys inside a table that the document does not have are not asked for, and so not listed.
    pub fn read_with_keys<T>(
        &self,
        read: impl FnOnce(&mut Fields<'_, '_>) -> Option<T>,
    ) -> (Result<T, Faults>, BTreeSet<String>) {
        let mut reading = Reading { faults: Faults::new(Arc::clone(&self.source)), asked: BTreeSet::new() };
        let value = Cursor::new(&self.root, Place::default(), &mut reading).table(read).flatten();
        let result = match value {
            Some(value) if reading.faults.is_empty() => Ok(value),
            Some(_) => Err(reading.faults.sorted()),
            None => Err(reading.faults.or_unexplained().sorted()),
        };
        (result, reading.asked)
    }
}

/// What one reading of a document has gathered so far.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) faults: Faults,
    pub(super) asked: BTreeSet<String>,
}
