//! Joins each kind with its meta: one table from which the enum, its encoding and its decoding follow.
//! Bounds inside a meta are checked here too, so that no decoded body is beyond them.

use super::Kind;
use super::meta::{
    Ack, Bounded, Call, Cancel, Data, Drain, End, ErrorReport, Excess, Goodbye, HealthCheck, HealthReport,
    Hello, HostCall, HostReply, LogRecord, Ping, Pong, Progress, Reply, Started, StopStream, Welcome,
};
use crate::codec::{CodecError, CodecKind};

/// Why a meta was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Excess(#[from] Excess),
}

macro_rules! bodies {
    ($($kind:ident($meta:ident);)*) => {
        /// The meta of a frame, by kind.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Body {
            $(#[doc = concat!("The meta of [`Kind::", stringify!($kind), "`].")] $kind(Box<$meta>),)*
        }

        impl Body {
            /// Which kind it is.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }

            pub(crate) fn encode(&self, codec: CodecKind, out: &mut Vec<u8>) -> Result<(), CodecError> {
                match self {
                    $(Self::$kind(meta) => codec.encode(&**meta, out),)*
                }
            }

            pub(crate) fn decode(kind: Kind, codec: CodecKind, bytes: &[u8]) -> Result<Self, BodyError> {
                let body = match kind {
                    $(Kind::$kind => Self::$kind(codec.decode(bytes)?),)*
                };
                body.check()?;
                Ok(body)
            }

            /// Checks the bounds that the encoding itself does not hold.
            pub(crate) fn check(&self) -> Result<(), Excess> {
                match self {
                    $(Self::$kind(meta) => meta.check(),)*
                }
            }
        }

        $(impl From<$meta> for Body {
            fn from(meta: $meta) -> Self {
                Self::$kind(Box::new(meta))
            }
        })*
    };
}

bodies! {
    Hello(Hello);
    Welcome(Welcome);
    Goodbye(Goodbye);
    Drain(Drain);
    Ping(Ping);
    Pong(Pong);
    HealthCheck(HealthCheck);
    HealthReport(HealthReport);
    Call(Call);
    Started(Started);
    Cancel(Cancel);
    Reply(Reply);
    Error(ErrorReport);
    Log(LogRecord);
    Progress(Progress);
    Data(Data);
    Ack(Ack);
    End(End);
    Drop(StopStream);
    HostCall(HostCall);
    HostReply(HostReply);
}
