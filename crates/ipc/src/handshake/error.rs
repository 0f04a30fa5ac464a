//! Why two sides did not come together, with the step that failed.
//! What happened to the peer's process is not known here.

use std::time::Duration;

use crate::error::{LinkError, SendError};
use crate::frame::Kind;
use crate::limit::LimitError;
use crate::prelude::PreludeError;

/// How far a handshake was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeStep {
    /// Exchanging preludes.
    Prelude,
    /// Sending or awaiting the hello.
    Hello,
    /// Sending or awaiting the welcome.
    Welcome,
}

impl std::fmt::Display for HandshakeStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prelude => "prelude",
            Self::Hello => "hello",
            Self::Welcome => "welcome",
        })
    }
}

/// A handshake that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The peer took too long.
    #[error("the peer's {step} did not come within {after:?}")]
    Deadline {
        /// What was awaited.
        step: HandshakeStep,
        /// The time for the whole handshake.
        after: Duration,
    },
    /// The preludes do not match.
    #[error(transparent)]
    Prelude(#[from] PreludeError),
    /// The connection broke.
    #[error("the connection ended before the {step}")]
    Link {
        /// What was awaited.
        step: HandshakeStep,
        /// How.
        #[source]
        source: LinkError,
    },
    /// Another frame came than the one that was due.
    #[error("a {kind} frame came in place of the {step}")]
    Unexpected {
        /// What was awaited.
        step: HandshakeStep,
        /// What came.
        kind: Kind,
    },
    /// The host said no.
    #[error("the host refused: {reason}")]
    Refused {
        /// Why, in its words.
        reason: String,
    },
    /// What was to be said does not fit the protocol's bounds.
    #[error("the {step} cannot be sent")]
    Unsayable {
        /// What was to be sent.
        step: HandshakeStep,
        /// Why not.
        #[source]
        source: SendError,
    },
    /// The limits of the welcome are out of range.
    #[error("the welcome's limits are out of range")]
    Limits(#[source] LimitError),
}
