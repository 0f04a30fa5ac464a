//! Bounds on everything a peer can send, each with the reason for its number.
//! They say nothing about processes or executions; a caller may tighten what [`LinkLimits`] holds, not the constants.

use serde::{Deserialize, Serialize};

/// Largest meta part of one frame. Metas hold names, one descriptor and log text; bulk belongs into the payload.
/// 1 MiB leaves room for a plugin that describes a thousand handlers with schemas.
pub const MAX_META: usize = 1024 * 1024;

/// Smallest payload limit a host may choose: below it ordinary JSON inputs stop fitting.
pub const MIN_PAYLOAD_LIMIT: u32 = 64 * 1024;
/// Payload limit when the host chooses none: the largest transfer the design promises in one piece.
pub const DEFAULT_PAYLOAD_LIMIT: u32 = 64 * 1024 * 1024;
/// Largest payload limit a host may choose: four times it (the skip limit) still fits the 32-bit length field.
pub const MAX_PAYLOAD_LIMIT: u32 = 768 * 1024 * 1024;

/// A frame with an oversized payload is read past, and the connection kept, up to this many times the payload limit.
/// Beyond it the length is taken for garbage: reading gigabytes to throw them away would serve nobody.
pub const SKIP_FACTOR: u64 = 4;

/// Smallest credit window: a quarter of it is the largest chunk, and chunks under 4 KiB cost more header than data.
pub const MIN_STREAM_WINDOW: u32 = 16 * 1024;
/// Credit window when the host chooses none: four chunks in flight hide a round trip and stay cheap to hold.
pub const DEFAULT_STREAM_WINDOW: u32 = 256 * 1024;
/// Largest credit window; every open stream of every call may hold this much unread.
pub const MAX_STREAM_WINDOW: u32 = 16 * 1024 * 1024;
/// Least credit a `Data` frame costs, so that a window also bounds how many one-byte chunks may wait unread.
pub const MIN_DATA_COST: u32 = 64;
/// Largest chunk the senders here cut, whatever the window: short frames let control frames in between.
pub const MAX_CHUNK: u32 = 64 * 1024;

/// Calls open at once on one connection. A worker runs a handful; a thousand means that nobody takes results.
pub const MAX_OPEN_CALLS: u32 = 1024;
/// Streams open at once in one call and one direction.
pub const MAX_OPEN_STREAMS: usize = 16;
/// Host calls without a reply in one call, when the host chooses none.
pub const DEFAULT_HOST_CALLS: u32 = 64;
/// Largest number of host calls in flight a host may allow one call.
pub const MAX_HOST_CALLS: u32 = 1024;
/// Pings and health checks without an answer: more than a few means that asking again will not help.
pub const MAX_PROBES: usize = 16;

/// Handlers a worker may describe in its hello.
pub const MAX_HANDLERS: usize = 1024;
/// Examples one handler may describe.
pub const MAX_EXAMPLES: usize = 64;
/// Features named in a hello or a welcome.
pub const MAX_FEATURES: usize = 256;
/// Entries of the sandbox state a worker observed of itself.
pub const MAX_OBSERVATIONS: usize = 512;
/// Longest identifier: plugin id, version, handler, service, method, feature.
pub const MAX_NAME: usize = 1024;
/// Longest log message and longest log fields text; senders here cut longer text, a receiver refuses it.
pub const MAX_LOG_TEXT: usize = 64 * 1024;
/// Longest progress note; cut and refused like log text.
pub const MAX_NOTE: usize = 4 * 1024;
/// Causes in one error report: deeper chains say nothing new.
pub const MAX_CHAIN: usize = 64;
/// Lines of standard error in one error report.
pub const MAX_STDERR_LINES: usize = 64;

/// Unread logs and progress notes kept per call; later ones are counted and dropped until the caller reads.
pub const MAX_UNREAD_EVENTS: usize = 1024;
/// Bytes of unread log text kept per call.
pub const MAX_UNREAD_LOG_BYTES: usize = 1024 * 1024;

/// Bytes queued for sending before senders wait; one frame above it may still pass alone.
pub const OUTGOING_BUDGET: u32 = 1024 * 1024;
/// Bytes of log and progress frames queued for sending; kept apart from the rest, so that a stream in full flow does
/// not cost the log its place.
pub const OUTGOING_LOG_BUDGET: u32 = 1024 * 1024;
/// Least that a queued frame costs of the budget, so that the number of frames is bounded as well.
pub const MIN_OUTGOING_COST: u32 = 512;
/// Frames queued without a claim on the budget (acks, cancels, replies): more means that the peer has stopped reading.
/// It is what the open calls may need at once: an ack and a drop for each stream, and room for replies.
pub const MAX_QUEUED: usize = 3 * MAX_OPEN_STREAMS * MAX_OPEN_CALLS as usize;
/// How long a side that lost one direction, or said goodbye, still reads what is on the way.
pub const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(1);
/// Time for the whole handshake when the host chooses none. A worker says hello before it loads anything.
pub const DEFAULT_HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(5);
/// How long a peer may take no byte before a write is given up, when nothing else is chosen.
pub const DEFAULT_WRITE_STALL: std::time::Duration = std::time::Duration::from_secs(30);
/// Small frames are gathered into one write up to this size.
pub const WRITE_BATCH: usize = 64 * 1024;
/// Payloads up to this size are copied behind their header, so that a frame is one plain write.
pub const INLINE_PAYLOAD: usize = 16 * 1024;
/// What the reader asks the transport for at once, and all it holds while no frame is half read.
pub const READ_CHUNK: usize = 32 * 1024;
/// What is set aside for a body on the peer's word alone; beyond it memory grows with the bytes received.
pub const EAGER_RESERVE: usize = 256 * 1024;

/// What the host sets for one connection and tells the worker in its welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LinkLimits {
    /// Largest payload of one frame, in bytes, in both directions.
    pub max_payload: u32,
    /// Credit each stream starts with, in bytes.
    pub stream_window: u32,
    /// Calls open at once.
    pub max_open_calls: u32,
    /// Host calls in flight per call.
    pub max_host_calls: u32,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            max_payload: DEFAULT_PAYLOAD_LIMIT,
            stream_window: DEFAULT_STREAM_WINDOW,
            max_open_calls: MAX_OPEN_CALLS,
            max_host_calls: DEFAULT_HOST_CALLS,
        }
    }
}

impl LinkLimits {
    /// Sets the largest payload of one frame.
    #[must_use]
    pub fn with_max_payload(mut self, bytes: u32) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Sets the credit each stream starts with.
    #[must_use]
    pub fn with_stream_window(mut self, bytes: u32) -> Self {
        self.stream_window = bytes;
        self
    }

    /// Sets how many calls may be open at once.
    #[must_use]
    pub fn with_max_open_calls(mut self, n_calls: u32) -> Self {
        self.max_open_calls = n_calls;
        self
    }

    /// Sets how many host calls of one call may wait for a reply.
    #[must_use]
    pub fn with_max_host_calls(mut self, n_calls: u32) -> Self {
        self.max_host_calls = n_calls;
        self
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first field out of range, with the range.
    pub fn validate(&self) -> Result<(), LimitError> {
        check("max_payload", self.max_payload, MIN_PAYLOAD_LIMIT, MAX_PAYLOAD_LIMIT)?;
        check("stream_window", self.stream_window, MIN_STREAM_WINDOW, MAX_STREAM_WINDOW)?;
        check("max_open_calls", self.max_open_calls, 1, MAX_OPEN_CALLS)?;
        check("max_host_calls", self.max_host_calls, 1, MAX_HOST_CALLS)
    }

    /// Payloads above the limit and up to this size are read past instead of ending the connection.
    pub fn skip_limit(&self) -> u64 {
        u64::from(self.max_payload) * SKIP_FACTOR
    }

    /// The largest chunk a stream sender cuts: a quarter of the window, so that a receiver that acknowledges
    /// only every quarter never leaves a sender without the credit for one chunk.
    pub fn chunk(&self) -> u32 {
        (self.stream_window / 4).min(MAX_CHUNK)
    }
}

fn check(field: &'static str, value: u32, min: u32, max: u32) -> Result<(), LimitError> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(LimitError { field, value, min, max }) }
}

/// A limit outside the range it may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limit `{field}` is {value}, allowed is {min} to {max}")]
#[non_exhaustive]
pub struct LimitError {
    /// Which limit.
    pub field: &'static str,
    /// What was asked for.
    pub value: u32,
    /// Least allowed.
    pub min: u32,
    /// Most allowed.
    pub max: u32,
}

/// The longest prefix of `text` of at most `max` bytes that ends between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_limits_are_valid() {
        LinkLimits::default().validate().unwrap();
    }

    #[test]
    fn a_limit_out_of_range_is_named() {
        for (limits, field) in [
            (LinkLimits::default().with_max_payload(1), "max_payload"),
            (LinkLimits::default().with_stream_window(u32::MAX), "stream_window"),
            (LinkLimits::default().with_max_open_calls(0), "max_open_calls"),
            (LinkLimits::default().with_max_host_calls(0), "max_host_calls"),
        ] {
            assert_eq!(limits.validate().unwrap_err().field, field);
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
