//! One frame as a value, and the id that says which call it belongs to.
//! Reading and writing it is `reader`'s and `writer`'s work.

use bytes::Bytes;

use super::{Body, Kind};

/// Which call a frame belongs to. The host counts them up from one and uses none twice on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

impl CallId {
    /// The id of frames about the connection itself.
    pub const CONNECTION: Self = Self(0);
}

impl std::fmt::Display for CallId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What one write puts on the wire.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// The call, or [`CallId::CONNECTION`].
    pub call: CallId,
    /// Kind and meta.
    pub body: Body,
    /// Opaque bytes; empty for most kinds.
    pub payload: Bytes,
}

impl Frame {
    /// A frame of a call, with a payload.
    pub fn new(call: CallId, body: impl Into<Body>, payload: Bytes) -> Self {
        Self { call, body: body.into(), payload }
    }

    /// A frame of a call, without a payload.
    pub fn bare(call: CallId, body: impl Into<Body>) -> Self {
        Self::new(call, body, Bytes::new())
    }

    /// A frame about the connection itself.
    pub fn connection(body: impl Into<Body>) -> Self {
        Self::bare(CallId::CONNECTION, body)
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }
}
