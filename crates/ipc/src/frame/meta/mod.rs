//! The meta structs, one module per family. Every type here is safe for both codecs: plain structs, unit enums and
//! one enum with named contents; no maps of values, no untagged, flattened or skipped fields; fields and variants are
//! append-only within a protocol number.

mod call;
mod event;
mod excess;
mod failure;
mod greeting;
mod host_call;
mod liveness;
mod stream;

pub use call::{Call, Cancel, CancelKind, Reply, Started, Usage};
pub use event::{LogLevel, LogRecord, Progress};
pub(crate) use excess::Bounded;
pub use excess::Excess;
pub use failure::{ErrorReport, FaultSide};
pub use greeting::{Example, Goodbye, GoodbyeKind, HandlerInfo, HandlerKind, Hello, Observation, Welcome};
pub use host_call::{HostCall, HostReply, ReplyOutcome};
pub use liveness::{Drain, HealthCheck, HealthLevel, HealthReport, Ping, Pong};
pub use stream::{Ack, Credit, Data, End, StopStream};
