//! What can go wrong on a connection: with one frame sent, with the connection as a whole, and by the peer's fault.
//! Conversion to the contracts' codes is the caller's, who knows what the connection was for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::CodecError;
use crate::frame::{CallId, Excess, HeaderError, Kind};
use crate::limit::MAX_META;
use crate::prelude::Side;

/// A frame was not sent. The connection stays usable unless it is [`SendError::Link`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The payload is above the connection's limit.
    #[error("payload of {len} bytes is above the limit of {limit}")]
    PayloadTooLarge {
        /// Its length.
        len: u64,
        /// The limit.
        limit: u32,
    },
    /// Descriptor, arguments or texts are together above the bound of a meta.
    #[error("frame meta of {len} bytes is above the bound of {}", MAX_META)]
    MetaTooLarge {
        /// Its length.
        len: usize,
    },
    /// One field is above its bound.
    #[error("frame meta is refused")]
    Field(#[source] Excess),
    /// The meta has no encoding.
    #[error("frame meta cannot be encoded")]
    Codec(#[source] CodecError),
    /// The call is over, so that nothing more of it may be sent.
    #[error("call {call} is over")]
    CallOver {
        /// Which call.
        call: CallId,
    },
    /// The receiver of the stream wants no more.
    #[error("the receiver stopped the stream")]
    StreamStopped,
    /// More credit was given back than was received.
    #[error("{credit} bytes of credit returned, only {owed} are owed")]
    CreditNotOwed {
        /// What was to be returned.
        credit: u64,
        /// What could be.
        owed: u64,
    },
    /// As many calls are open as the connection allows.
    #[error("{limit} calls are open")]
    TooManyCalls {
        /// The limit.
        limit: u32,
    },
    /// As many streams are open as a call allows.
    #[error("{limit} streams are open in this call")]
    TooManyStreams {
        /// The limit.
        limit: usize,
    },
    /// As many pings or health checks wait for an answer as make sense.
    #[error("{limit} probes wait for an answer")]
    TooManyProbes {
        /// The limit.
        limit: usize,
    },
    /// The host call is not one that waits for a reply.
    #[error("host call {id} of call {call} does not wait for a reply")]
    NotAsked {
        /// Which call.
        call: CallId,
        /// The host call's id.
        id: u32,
    },
    /// The connection is gone.
    #[error("the connection is gone")]
    Link(#[source] LinkError),
}

/// Why a connection ended. The first cause is kept and given to everyone who asks.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The peer closed it between two frames.
    #[error("the peer closed the connection")]
    Closed,
    /// This side closed it.
    #[error("the connection was closed on this side")]
    ClosedHere,
    /// The driver was dropped before the connection ended.
    #[error("the connection's driver was dropped")]
    DriverDropped,
    /// The peer closed it inside a frame.
    #[error("the peer closed the connection inside a {part}, after {have} of {want} bytes")]
    Truncated {
        /// Which part was being read.
        part: FramePart,
        /// Bytes that came.
        have: usize,
        /// Bytes that were announced.
        want: usize,
    },
    /// Reading failed.
    #[error("reading from the connection failed")]
    Read(#[source] Arc<io::Error>),
    /// Writing failed.
    #[error("writing to the connection failed")]
    Write(#[source] Arc<io::Error>),
    /// The peer read nothing for too long.
    #[error("the peer read nothing for {after:?}")]
    Stalled {
        /// How long.
        after: Duration,
    },
    /// Small frames pile up because the peer does not read.
    #[error("{n_frames} frames wait for a peer that does not read")]
    Overfull {
        /// How many.
        n_frames: usize,
    },
    /// The peer sent what the protocol forbids.
    #[error("protocol violation")]
    Violation(#[source] Violation),
}

/// The part of the byte stream a reader is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramePart {
    /// The prelude.
    Prelude,
    /// A frame's header.
    Header,
    /// A frame's meta.
    Meta,
    /// A frame's payload.
    Payload,
}

impl std::fmt::Display for FramePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prelude => "prelude",
            Self::Header => "frame header",
            Self::Meta => "frame meta",
            Self::Payload => "frame payload",
        })
    }
}

/// Something the protocol forbids. It ends the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The header makes no sense.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The meta is not that of its kind.
    #[error("meta of a {kind} frame is malformed")]
    Meta {
        /// Which kind.
        kind: Kind,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// The meta holds more than it may.
    #[error("meta of a {kind} frame is above a bound")]
    Excess {
        /// Which kind.
        kind: Kind,
        /// Which field.
        #[source]
        source: Excess,
    },
    /// This side does not receive such frames, or not now.
    #[error("{kind} frame is not for a {side:?} to receive")]
    Unexpected {
        /// Which kind.
        kind: Kind,
        /// This side.
        side: Side,
    },
    /// The call was never made.
    #[error("{kind} frame for call {call}, which was never made")]
    UnknownCall {
        /// Which kind.
        kind: Kind,
        /// Which call.
        call: CallId,
    },
    /// The call had its reply or error already.
    #[error("{kind} frame for call {call}, which has ended")]
    AfterEnd {
        /// Which kind.
        kind: Kind,
        /// Which call.
        call: CallId,
    },
    /// The call was started, or a call id used, twice.
    #[error("{kind} frame for call {call} came twice")]
    Twice {
        /// Which kind.
        kind: Kind,
        /// Which call.
        call: CallId,
    },
    /// More calls than were agreed.
    #[error("more than {limit} open calls")]
    TooManyCalls {
        /// The limit.
        limit: u32,
    },
    /// More streams than a call may have open.
    #[error("more than {limit} open streams in call {call}")]
    TooManyStreams {
        /// Which call.
        call: CallId,
        /// The limit.
        limit: usize,
    },
    /// The stream is not open.
    #[error("{kind} frame for stream {stream} of call {call}, which is not open")]
    UnknownStream {
        /// Which kind.
        kind: Kind,
        /// Which call.
        call: CallId,
        /// Which stream.
        stream: u32,
    },
    /// A data frame without data.
    #[error("empty data frame for stream {stream} of call {call}")]
    EmptyData {
        /// Which call.
        call: CallId,
        /// Which stream.
        stream: u32,
    },
    /// A frame that must stay below the payload limit did not.
    #[error("{kind} frame of call {call} with a payload of {len} bytes, above the limit of {limit}")]
    Oversized {
        /// Which kind.
        kind: Kind,
        /// Which call.
        call: CallId,
        /// The length of the payload.
        len: u32,
        /// The limit.
        limit: u32,
    },
    /// More data than there was credit for.
    #[error("data of {cost} bytes beyond the credit of {left} for stream {stream} of call {call}")]
    BeyondCredit {
        /// Which call.
        call: CallId,
        /// Which stream.
        stream: u32,
        /// What the frame costs.
        cost: u64,
        /// The credit that was left.
        left: u64,
    },
    /// More credit returned than was used.
    #[error("ack of {credit} bytes for stream {stream} of call {call}, where {used} were used")]
    AckOverflow {
        /// Which call.
        call: CallId,
        /// Which stream.
        stream: u32,
        /// The credit returned.
        credit: u32,
        /// The credit in use.
        used: u64,
    },
    /// Host call ids count up by one.
    #[error("host call {id} of call {call} out of sequence, {expected} was next")]
    HostCallOrder {
        /// Which call.
        call: CallId,
        /// Its id.
        id: u32,
        /// The id that was due.
        expected: u32,
    },
    /// More host calls in flight than were agreed.
    #[error("more than {limit} host calls in flight in call {call}")]
    TooManyHostCalls {
        /// Which call.
        call: CallId,
        /// The limit.
        limit: u32,
    },
    /// A reply to a host call that was never made or was answered before.
    #[error("reply to host call {id} of call {call}, which does not wait for one")]
    NotAsked {
        /// Which call.
        call: CallId,
        /// The host call's id.
        id: u32,
    },
    /// An answer to a probe that was not sent.
    #[error("{kind} frame with the nonce {nonce}, which waits for no answer")]
    UnknownProbe {
        /// Which kind.
        kind: Kind,
        /// Its nonce.
        nonce: u64,
    },
    /// More health checks than make sense without an answer.
    #[error("more than {limit} unanswered {kind} frames")]
    TooManyProbes {
        /// Which kind.
        kind: Kind,
        /// The limit.
        limit: usize,
    },
    /// A frame after the peer's goodbye.
    #[error("{kind} frame after the goodbye")]
    AfterGoodbye {
        /// Which kind.
        kind: Kind,
    },
}

impl From<Violation> for LinkError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<LinkError> for SendError {
    fn from(cause: LinkError) -> Self {
        Self::Link(cause)
    }
}
