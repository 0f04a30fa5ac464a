//! What is wrong in a document: every fault with its place, and all of them together as one error.
//! It only records; deciding what is wrong is up to the readers.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::source::Source;

/// Faults listed one by one; a file with more is broken in one way a hundred times, and the rest is counted.
const MAX_LISTED: usize = 100;

/// One thing wrong in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Name of the document, as given when it was read.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte range in [`Faults::source_text`], always on character boundaries.
    pub span: Range<usize>,
    /// Dotted path of the value; empty when the fault is not about one value.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it, when that is known.
    pub help: Option<String>,
}

/// Everything wrong in one document, in the order of its text. Never empty when returned as an error.
///
/// Its [`Display`](fmt::Display) prints one line for each fault and its help below; a program that draws code frames
/// takes the faults from [`iter`](Faults::iter) and the text from [`source_text`](Faults::source_text).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    source: Arc<Source>,
    list: Vec<Fault>,
    n_omitted: usize,
}

impl Faults {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { source, list: Vec::new(), n_omitted: 0 }
    }

    /// The faults, at most a hundred.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.list.iter()
    }

    /// How many faults there are, the unlisted ones too.
    pub fn len(&self) -> usize {
        self.list.len() + self.n_omitted
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Name of the document.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// The whole text of the document, which the spans of the faults slice.
    pub fn source_text(&self) -> &str {
        self.source.text()
    }

    pub(super) fn push(&mut self, span: &Range<usize>, key: String, message: String, help: Option<String>) {
        if self.list.len() == MAX_LISTED {
            self.n_omitted += 1;
            return;
        }
        let span = self.source.clamp(span);
        let (line, column) = self.source.position(span.start);
        let file = self.source.name().to_owned();
        self.list.push(Fault { file, line, column, span, key, message, help });
    }

    /// A reader that gives no value and no reason still makes an error that says something.
    pub(super) fn or_unexplained(mut self) -> Self {
        if self.is_empty() {
            self.push(&(0..0), String::new(), "refused by its reader, which gave no reason".to_owned(), None);
        }
        self
    }

    pub(super) fn sorted(mut self) -> Self {
        self.list.sort_by_key(|fault| fault.span.start);
        self
    }
}

impl<'f> IntoIterator for &'f Faults {
    type Item = &'f Fault;
    type IntoIter = std::slice::Iter<'f, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        match self.n_omitted {
            0 => Ok(()),
            n => write!(f, "\nand {n} more"),
        }
    }
}

impl std::error::Error for Faults {}
