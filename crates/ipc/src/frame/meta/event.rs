//! What a running call says on the way: log records and progress.
//! They may be dropped when nobody reads them; nothing else is.

use serde::{Deserialize, Serialize};

use super::excess::{Bounded, Excess, at_most, name};
use crate::limit::{MAX_LOG_TEXT, MAX_NAME, MAX_NOTE, cut};

/// One log record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogRecord {
    /// How important it is.
    pub level: LogLevel,
    /// Where it comes from.
    #[serde(default)]
    pub target: String,
    /// The text.
    pub message: String,
    /// Structured fields: a JSON object as text, or empty.
    #[serde(default)]
    pub fields: String,
    /// Counts the records of one call from zero; a gap means that records were dropped.
    #[serde(default)]
    pub seq: u64,
    /// Microseconds since the handler started.
    #[serde(default)]
    pub offset_us: u64,
}

/// How important a record is. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For whoever follows each step.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// Worth knowing.
    #[default]
    Info,
    /// Probably wrong.
    Warn,
    /// Wrong.
    Error,
}

impl LogRecord {
    /// Cuts what is longer than a receiver accepts. Fields that are too long are left out whole: half a JSON object is none.
    pub fn fit(&mut self) {
        for (text, max) in [(&mut self.target, MAX_NAME), (&mut self.message, MAX_LOG_TEXT)] {
            text.truncate(cut(text, max).len());
        }
        if self.fields.len() > MAX_LOG_TEXT {
            self.fields.clear();
        }
    }

    /// Bytes of text it holds.
    pub(crate) fn n_bytes(&self) -> usize {
        self.target.len() + self.message.len() + self.fields.len()
    }
}

impl Bounded for LogRecord {
    fn check(&self) -> Result<(), Excess> {
        name("target", &self.target)?;
        at_most("message", self.message.len(), MAX_LOG_TEXT)?;
        at_most("fields", self.fields.len(), MAX_LOG_TEXT)
    }
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// From zero to one; none where the end is not known.
    #[serde(default)]
    pub fraction: Option<f32>,
    /// What is being done.
    #[serde(default)]
    pub note: String,
}

impl Progress {
    /// Makes it acceptable to a receiver: a fraction outside zero to one becomes none, a long note is cut.
    pub fn fit(&mut self) {
        self.fraction = self.fraction.filter(|fraction| (0.0..=1.0).contains(fraction));
        self.note.truncate(cut(&self.note, MAX_NOTE).len());
    }
}

impl Bounded for Progress {
    fn check(&self) -> Result<(), Excess> {
        at_most("note", self.note.len(), MAX_NOTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_log_text_is_cut_to_what_a_receiver_accepts() {
        let mut record = LogRecord {
            message: "é".repeat(MAX_LOG_TEXT),
            fields: "x".repeat(MAX_LOG_TEXT + 1),
            ..LogRecord::default()
        };
        assert!(record.check().is_err());
        record.fit();
        record.check().unwrap();
        assert_eq!((record.message.len(), record.fields.as_str()), (MAX_LOG_TEXT, ""));
    }

    #[test]
    fn a_fraction_that_is_none_becomes_none() {
        for (fraction, expected) in [
            (Some(f32::NAN), None),
            (Some(1.5), None),
            (Some(-0.1), None),
            (Some(0.5), Some(0.5)),
            (None, None),
        ] {
            let mut progress = Progress { fraction, note: String::new() };
            progress.fit();
            assert_eq!(progress.fraction, expected);
        }
    }
}
