//! Frames: a fixed header, a meta part in the connection's codec, and a raw payload that nothing here reads.
//! Layout and every field: `docs/ipc-protocol.md`.

mod body;
mod header;
mod kind;
mod meta;
mod unit;

pub use body::Body;
pub(crate) use body::BodyError;
pub(crate) use header::{CALL_FIELD, Header, RawHeader};
pub use header::{HEADER_LEN, HeaderError, LEN_FIELD};
pub use kind::{Kind, Scope};
#[cfg(test)]
pub(crate) use meta::Bounded;
pub use meta::{
    Ack, Call, Cancel, CancelKind, Credit, Data, Drain, End, ErrorReport, Example, Excess, FaultSide,
    Goodbye, GoodbyeKind, HandlerInfo, HandlerKind, HealthCheck, HealthLevel, HealthReport, Hello, HostCall,
    HostReply, LogLevel, LogRecord, Observation, Ping, Pong, Progress, Reply, ReplyOutcome, Started,
    StopStream, Usage, Welcome,
};
pub use unit::{CallId, Frame};
