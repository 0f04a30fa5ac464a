//! What a host hears of one call, in the order the worker sent it.
//! Exactly one event is the last: a reply, an error, or a reply too large to take.

use bytes::Bytes;

use crate::frame::{ErrorReport, LogRecord, Progress, Usage};

/// One event of a call.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CallEvent {
    /// The handler runs now.
    Started {
        /// Microseconds it waited in the worker.
        waited_us: u64,
    },
    /// A log record.
    Log(LogRecord),
    /// How far it is.
    Progress(Progress),
    /// A chunk of an output stream. Its credit must go back with `ack`, or the stream stops.
    Data {
        /// Which stream.
        stream: u32,
        /// The bytes.
        bytes: Bytes,
        /// What to `ack` once they are used.
        credit: u32,
    },
    /// An output stream is over.
    End {
        /// Which stream.
        stream: u32,
        /// Why it is not complete, when it is not.
        aborted: Option<String>,
    },
    /// The handler asks for a service; it waits for `reply`.
    HostCall(HostRequest),
    /// The call succeeded. Last event.
    Reply {
        /// What the output is.
        content_type: String,
        /// What it used, as far as the worker measured.
        usage: Usage,
        /// The output.
        payload: Bytes,
    },
    /// The call failed. Last event.
    Error(Box<ErrorReport>),
    /// The call succeeded with an output above the limit, which was thrown away. Last event.
    TooLarge {
        /// The length of the output.
        len: u32,
        /// The limit.
        limit: u32,
    },
}

impl CallEvent {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Reply { .. } | Self::Error(_) | Self::TooLarge { .. })
    }
}

/// A service call on behalf of a live call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostRequest {
    /// Names it in the reply.
    pub id: u32,
    /// Which service.
    pub service: String,
    /// Which method.
    pub method: String,
    /// The arguments, as JSON text.
    pub args: String,
    /// Bytes that go with them.
    pub payload: Bytes,
}
