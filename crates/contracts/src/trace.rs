//! W3C trace context (<https://www.w3.org/TR/trace-context/>): the `traceparent` and `tracestate` of a request.
//! It only carries and derives ids; it records and exports nothing.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest `tracestate` that is carried; the recommendation asks for at least 512 characters.
pub const MAX_TRACESTATE: usize = 512;

/// Position of an execution in a distributed trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TraceDocument", into = "TraceDocument")]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    state: String,
}

#[derive(Serialize, Deserialize)]
struct TraceDocument {
    traceparent: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tracestate: String,
}

/// Why a text is no `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no traceparent (`00-<32 hex>-<16 hex>-<2 hex>`, ids not all zero, lower case)")]
pub struct TraceError {
    /// The refused text, shortened.
    pub text: String,
}

impl TraceContext {
    /// Starts a trace of its own.
    pub fn root() -> Self {
        // Zero is the one invalid id.
        let half = || u128::from(RandomState::new().hash_one(0u8).max(1));
        Self { trace_id: half() << 64 | half(), span_id: new_span_id(), flags: 1, state: String::new() }
    }

    /// A new span below this one, in the same trace.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { span_id: new_span_id(), ..self.clone() }
    }

    /// Adds vendor state. What is longer than [`MAX_TRACESTATE`] is dropped whole, as the recommendation says.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        if state.len() <= MAX_TRACESTATE && state.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            state.clone_into(&mut self.state);
        }
        self
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The span's id: 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// Whether the caller records this trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The vendor state, empty when there is none.
    pub fn state(&self) -> &str {
        &self.state
    }
}

fn new_span_id() -> u64 {
    RandomState::new().hash_one(1u8).max(1)
}

impl fmt::Display for TraceContext {
    /// The `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = TraceError;

    /// Reads a `traceparent`. Of a later version the four known parts are read, as the recommendation says.
    fn from_str(text: &str) -> Result<Self, TraceError> {
        parse(text).ok_or_else(|| TraceError {
            text: text.chars().take(64).collect::<String>().escape_debug().to_string(),
        })
    }
}

fn parse(text: &str) -> Option<TraceContext> {
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
    let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
    let tail = parts.next().is_some();
    (version != 0xff && trace_id != 0 && span_id != 0 && (version > 0 || !tail)).then_some(TraceContext {
        trace_id,
        span_id,
        flags,
        state: String::new(),
    })
}

fn hex(digits: &str, length: usize) -> Option<u128> {
    let lower = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (digits.len() == length && lower).then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

impl TryFrom<TraceDocument> for TraceContext {
    type Error = TraceError;

    fn try_from(document: TraceDocument) -> Result<Self, TraceError> {
        Ok(document.traceparent.parse::<Self>()?.with_state(&document.tracestate))
    }
}

impl From<TraceContext> for TraceDocument {
    fn from(trace: TraceContext) -> Self {
        Self { traceparent: trace.to_string(), tracestate: trace.state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_survives_reading_and_writing() {
        let trace: TraceContext = SAMPLE.parse().unwrap();
        assert_eq!(trace.to_string(), SAMPLE);
        assert!(trace.is_sampled());
        let document = serde_json::to_string(&trace.clone().with_state("vendor=1")).unwrap();
        assert_eq!(serde_json::from_str::<TraceContext>(&document).unwrap().state(), "vendor=1");
    }

    #[test]
    fn a_child_stays_in_its_trace() {
        let root = TraceContext::root();
        let child = root.child();
        assert_eq!(child.trace_id(), root.trace_id());
        assert_ne!(child.span_id(), root.span_id());
        assert!(root.to_string().parse::<TraceContext>().is_ok());
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for text in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert!(text.parse::<TraceContext>().is_err(), "{text:?} was accepted");
        }
    }
}
