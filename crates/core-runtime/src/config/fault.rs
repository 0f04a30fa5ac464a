//! What is wrong with a configuration: every fault with its origin, from all sources together, as one error.
//! It only records; the sources and the checks decide what is wrong.

use std::fmt;
use std::ops::Range;

use plugdock_contracts::document::Faults;

use super::provenance::Provenance;

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigFault {
    /// Where the value came from.
    pub origin: Provenance,
    /// Byte range in [`ConfigError::source_text`], when it came from the file.
    pub span: Option<Range<usize>>,
    /// Dotted name of the value; empty when the fault is not about one value.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// Everything wrong with a configuration. Never empty when returned as an error.
///
/// Its [`Display`](fmt::Display) prints one line for each fault and its help below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    faults: Vec<ConfigFault>,
    source: Option<(String, String)>,
}

impl ConfigError {
    pub(super) fn new(faults: Vec<ConfigFault>, source: Option<(String, String)>) -> Self {
        Self { faults, source }
    }

    /// The faults: those of the file in the order of its text, then those of the environment, of the code and of
    /// values that do not fit together.
    pub fn faults(&self) -> &[ConfigFault] {
        &self.faults
    }

    /// Name of the configuration file, if one was read.
    pub fn source_name(&self) -> Option<&str> {
        self.source.as_ref().map(|(name, _)| name.as_str())
    }

    /// Text of the configuration file, which the spans of the faults slice.
    pub fn source_text(&self) -> Option<&str> {
        self.source.as_ref().map(|(_, text)| text.as_str())
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
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

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The faults of a document as faults of a configuration.
pub(super) fn of_document(faults: &Faults) -> Vec<ConfigFault> {
    let mut list: Vec<ConfigFault> = faults
        .iter()
        .map(|fault| ConfigFault {
            origin: Provenance::File { path: fault.file.clone().into(), line: fault.line },
            span: Some(fault.span.clone()),
            key: fault.key.clone(),
            message: fault.message.clone(),
            help: fault.help.clone(),
        })
        .collect();
    let n_unlisted = faults.len() - list.len();
    if let Some(last) = list.last().filter(|_| n_unlisted > 0) {
        let message = format!("{n_unlisted} more faults are not listed");
        list.push(ConfigFault { message, key: String::new(), help: None, ..last.clone() });
    }
    list
}
