//! What happens while an execution runs, in the order it happened: start, log lines, progress, stream data.
//! The end is not an event: it is the outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::WorkerId;

/// Something that happened while an execution ran.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExecutionEvent {
    /// The handler was called.
    Started {
        /// The process that runs it; none in-process.
        worker: Option<WorkerId>,
    },
    /// A log line, of the handler's logger or of its standard output or error.
    Log(LogLine),
    /// How far it is.
    Progress(Progress),
    /// A piece of its output stream.
    Data(Bytes),
    /// Its output stream is complete.
    DataEnd,
    /// It runs longer than `slow_after`; it goes on.
    Slow {
        /// How long it ran when this was noticed.
        after: Duration,
    },
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For whoever follows the code.
    Trace,
    /// For whoever looks for a defect.
    Debug,
    /// For whoever operates it.
    Info,
    /// Something is odd, the work goes on.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or("a log level is one of trace, debug, info, warn, error")
    }
}

/// Where a log line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogStream {
    /// The handler's logger.
    Logger,
    /// The worker's standard output.
    Stdout,
    /// The worker's standard error.
    Stderr,
}

/// One log line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogLine {
    /// How important it is. Standard output is `info`, standard error is `warn`.
    pub level: LogLevel,
    /// Where it came from.
    pub stream: LogStream,
    /// The text, without line end; control characters are escaped.
    pub message: String,
    /// Structured fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, serde_json::Value>,
    /// Position among all lines of the execution, from 0. A gap means dropped lines.
    pub seq: u64,
    /// Whether the text was longer than the bound and is cut.
    #[serde(default)]
    pub truncated: bool,
}

impl LogLine {
    /// A line without fields.
    pub fn new(level: LogLevel, stream: LogStream, message: impl Into<String>) -> Self {
        Self { level, stream, message: message.into(), fields: BTreeMap::new(), seq: 0, truncated: false }
    }
}

/// How far an execution is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Between 0 and 1; absent when the whole is unknown.
    pub fraction: Option<f32>,
    /// What it does now.
    pub note: String,
}

impl Progress {
    /// A fraction, forced into 0 to 1, and what it does now. Not a number means unknown.
    pub fn new(fraction: Option<f32>, note: impl Into<String>) -> Self {
        Self { fraction: fraction.filter(|f| !f.is_nan()).map(|f| f.clamp(0.0, 1.0)), note: note.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_stays_between_nothing_and_all() {
        assert_eq!(Progress::new(Some(7.0), "").fraction, Some(1.0));
        assert_eq!(Progress::new(Some(-1.0), "").fraction, Some(0.0));
        assert_eq!(Progress::new(Some(f32::NAN), "").fraction, None);
    }

    #[test]
    fn levels_survive_their_text_and_are_ordered() {
        assert_eq!("warn".parse::<LogLevel>().unwrap(), LogLevel::Warn);
        assert!("WARN".parse::<LogLevel>().is_err());
        assert!(LogLevel::Error > LogLevel::Info);
    }
}
