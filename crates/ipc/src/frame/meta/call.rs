//! The course of one call: call, started, cancel and reply. A failure is in `failure`.
//! The descriptor and both payloads are opaque here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::excess::{Bounded, Excess, at_most, name, text};
use crate::limit::MAX_OPEN_STREAMS;

/// A request to run a handler; the payload is its input.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Call {
    /// Which handler.
    pub handler: String,
    /// What host and runtime agree on about the execution, as JSON text; nothing in this crate reads it.
    #[serde(default)]
    pub descriptor: String,
    /// What the input is.
    #[serde(default)]
    pub content_type: String,
    /// Time left until the deadline, in microseconds: relative, since clocks differ between processes.
    #[serde(default)]
    pub deadline_us: Option<u64>,
    /// Time between a cancel and the kill, in microseconds.
    #[serde(default)]
    pub grace_us: u64,
    /// How many streams the host sends; they have the ids from zero and exist from the start.
    #[serde(default)]
    pub n_input_streams: u32,
}

impl Call {
    /// Time left until the deadline.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_us.map(Duration::from_micros)
    }

    /// Time between a cancel and the kill.
    pub fn grace(&self) -> Duration {
        Duration::from_micros(self.grace_us)
    }
}

impl Bounded for Call {
    fn check(&self) -> Result<(), Excess> {
        name("handler", &self.handler)?;
        name("content_type", &self.content_type)?;
        text("descriptor", &self.descriptor)?;
        at_most("n_input_streams", self.n_input_streams as usize, MAX_OPEN_STREAMS)
    }
}

/// The handler runs now; what came before was queueing in the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Started {
    /// Microseconds between the worker reading the call and the handler running.
    #[serde(default)]
    pub waited_us: u64,
}

impl Bounded for Started {}

/// A request to stop a call. The call still ends with a reply or an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Why.
    pub kind: CancelKind,
    /// The same for people.
    #[serde(default)]
    pub reason: String,
    /// Time until the kill, in microseconds.
    #[serde(default)]
    pub grace_us: u64,
}

/// Why a call is to stop. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelKind {
    /// The caller asked.
    Caller,
    /// Nobody waits for the result any more.
    Dropped,
    /// Its deadline passed.
    Timeout,
    /// The host ends.
    Shutdown,
    /// It used more than it may.
    Limit,
}

impl Cancel {
    /// A cancel with a reason and the time until the kill.
    pub fn new(kind: CancelKind, reason: impl Into<String>, grace: Duration) -> Self {
        Self { kind, reason: reason.into(), grace_us: u64::try_from(grace.as_micros()).unwrap_or(u64::MAX) }
    }

    /// Time until the kill.
    pub fn grace(&self) -> Duration {
        Duration::from_micros(self.grace_us)
    }
}

impl Bounded for Cancel {
    fn check(&self) -> Result<(), Excess> {
        text("reason", &self.reason)
    }
}

/// The call succeeded; the payload is the output.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reply {
    /// What the output is.
    #[serde(default)]
    pub content_type: String,
    /// What the call used, as far as the worker measured it.
    #[serde(default)]
    pub usage: Usage,
}

impl Bounded for Reply {
    fn check(&self) -> Result<(), Excess> {
        name("content_type", &self.content_type)
    }
}

/// Measured use; nothing where nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Time the handler ran, in microseconds.
    #[serde(default)]
    pub run_us: Option<u64>,
    /// CPU time, user, in microseconds.
    #[serde(default)]
    pub cpu_user_us: Option<u64>,
    /// CPU time, kernel, in microseconds.
    #[serde(default)]
    pub cpu_system_us: Option<u64>,
    /// Largest resident memory of the process so far, in bytes.
    #[serde(default)]
    pub peak_memory: Option<u64>,
    /// Bytes read from storage.
    #[serde(default)]
    pub read_bytes: Option<u64>,
    /// Bytes written to storage.
    #[serde(default)]
    pub written_bytes: Option<u64>,
}
