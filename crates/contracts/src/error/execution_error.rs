//! The error of an execution: code, text, and every property that survives each boundary.
//! It is data: whoever crosses a process or network boundary rebuilds the same value.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CrashCause, ErrorChain, ErrorCode, Fault};
use crate::span;

/// The step of an execution that took too long or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Step {
    /// Waiting for a worker or a slot.
    Queue,
    /// Starting the process.
    Spawn,
    /// Introducing host and worker to each other.
    Handshake,
    /// Warming the plugin up.
    Warmup,
    /// Running the handler.
    Call,
    /// Stopping.
    Drain,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue => "queue",
            Self::Spawn => "spawn",
            Self::Handshake => "handshake",
            Self::Warmup => "warmup",
            Self::Call => "call",
            Self::Drain => "drain",
        })
    }
}

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Resource {
    /// Memory.
    Memory,
    /// CPU time.
    Cpu,
    /// Processes or threads.
    Processes,
    /// Bytes on disk.
    Storage,
    /// Bytes of output.
    Output,
    /// Entries, bytes or operations of a platform service.
    Quota,
    /// Depth of nested invocations.
    InvokeDepth,
}

/// Why an execution has no result. Cheap to move: the contents are boxed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionError(Box<ErrorBody>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ErrorBody {
    code: ErrorCode,
    message: String,
    retryable: bool,
    fault: Fault,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    #[serde(default, with = "span::as_text::option", skip_serializing_if = "Option::is_none")]
    limit: Option<Duration>,
    #[serde(default, with = "span::as_text::option", skip_serializing_if = "Option::is_none")]
    retry_after: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<Resource>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<CrashCause>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    details: serde_json::Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chain: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backtrace: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stderr_tail: Vec<String>,
}

macro_rules! with {
    ($($(#[$doc:meta])* $setter:ident $field:ident: $type:ty => $store:expr;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $setter(mut self, $field: $type) -> Self {
            self.0.$field = $store;
            self
        })*
    };
}

impl ExecutionError {
    /// An error with the properties that hang on its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let (retryable, fault) = (code.is_retryable(), code.fault());
        Self(Box::new(ErrorBody {
            code,
            message: message.into(),
            retryable,
            fault,
            step: None,
            limit: None,
            retry_after: None,
            resource: None,
            cause: None,
            help: None,
            details: serde_json::Value::Null,
            chain: Vec::new(),
            location: None,
            backtrace: None,
            stderr_tail: Vec::new(),
        }))
    }

    /// An error made from another: its text is the message, its sources the chain.
    pub fn from_error(code: ErrorCode, error: &(dyn std::error::Error + '_)) -> Self {
        Self::new(code, error.to_string()).with_chain(ErrorChain(error).sources())
    }

    with! {
        /// Overrides whether the same request may succeed later.
        with_retryable retryable: bool => retryable;
        /// Overrides who has to act.
        with_fault fault: Fault => fault;
        /// Names the step that took too long or failed.
        with_step step: Step => Some(step);
        /// The limit that was exceeded.
        with_limit limit: Duration => Some(limit);
        /// When to try again.
        with_retry_after retry_after: Duration => Some(retry_after);
        /// What ran out.
        with_resource resource: Resource => Some(resource);
        /// Why the worker died.
        with_cause cause: CrashCause => Some(cause);
        /// What to do.
        with_help help: impl Into<String> => Some(help.into());
        /// The handler's own data about the error.
        with_details details: serde_json::Value => details;
        /// The texts of what caused it, outermost first.
        with_chain chain: Vec<String> => chain;
        /// Where in the plugin's code it happened, as `file:line:column`.
        with_location location: impl Into<String> => Some(location.into());
        /// The stack at that place.
        with_backtrace backtrace: impl Into<String> => Some(backtrace.into());
        /// The last lines of the worker's standard error.
        with_stderr_tail stderr_tail: Vec<String> => stderr_tail;
    }

    /// The stable code.
    pub fn code(&self) -> &ErrorCode {
        &self.0.code
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Who has to act.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// The step that took too long or failed.
    pub fn step(&self) -> Option<Step> {
        self.0.step
    }

    /// The limit that was exceeded.
    pub fn limit(&self) -> Option<Duration> {
        self.0.limit
    }

    /// When to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What ran out.
    pub fn resource(&self) -> Option<Resource> {
        self.0.resource
    }

    /// Why the worker died.
    pub fn cause(&self) -> Option<&CrashCause> {
        self.0.cause.as_ref()
    }

    /// What to do.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The handler's own data about the error, `null` when there is none.
    pub fn details(&self) -> &serde_json::Value {
        &self.0.details
    }

    /// The texts of what caused it, outermost first.
    pub fn chain(&self) -> &[String] {
        &self.0.chain
    }

    /// Where in the plugin's code it happened.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The stack at that place.
    pub fn backtrace(&self) -> Option<&str> {
        self.0.backtrace.as_deref()
    }

    /// The last lines of the worker's standard error.
    pub fn stderr_tail(&self) -> &[String] {
        &self.0.stderr_tail
    }
}

impl fmt::Display for ExecutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

// The chain is kept as texts, because the errors themselves may have died with another process.
impl std::error::Error for ExecutionError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_survives_a_document() {
        let error = ExecutionError::new(ErrorCode::WorkerCrashed, "worker 7 died")
            .with_retryable(false)
            .with_fault(Fault::Host)
            .with_step(Step::Call)
            .with_limit(Duration::from_secs(2))
            .with_retry_after(Duration::from_millis(250))
            .with_resource(Resource::Memory)
            .with_cause(CrashCause::Signal { signal: 11, core: true })
            .with_help("look at the last lines")
            .with_details(serde_json::json!({ "row": 3 }))
            .with_chain(vec!["inner".into()])
            .with_location("src/lib.rs:7:1")
            .with_backtrace("0: main")
            .with_stderr_tail(vec!["boom".into()]);
        let document = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ExecutionError>(&document).unwrap(), error);
    }

    #[test]
    fn properties_hang_on_the_code_until_overridden() {
        let error = ExecutionError::new(ErrorCode::QueueFull, "100 of 100 waiting");
        assert!(error.is_retryable());
        assert_eq!(error.fault(), Fault::Host);
        assert_eq!(error.to_string(), "QUEUE_FULL: 100 of 100 waiting");
    }

    #[test]
    fn an_error_brings_its_sources() {
        let source = serde_json::from_str::<u8>("x").unwrap_err();
        let error = crate::payload::PayloadError::Decode(source);
        let error = ExecutionError::from_error(ErrorCode::ValidationError, &error);
        assert_eq!(error.message(), "the payload is no JSON of the wanted shape");
        assert_eq!(error.chain().len(), 1);
    }
}
