//! Frames between a host and a worker over any byte stream: prelude, handshake, calls, streams with credit, host calls.
//! It does not know that a process exists, what a handler is, or who spawned whom; the layout is in `docs/ipc-protocol.md`.

mod codec;
mod convert;
mod error;
pub mod frame;
pub mod handshake;
pub mod limit;
pub mod link;
mod prelude;
mod reader;
mod staging;
pub mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod writer;

pub use codec::{CodecError, CodecKind};
pub use error::{FramePart, LinkError, SendError, Violation};
pub use frame::{CallId, Frame};
pub use limit::{LimitError, LinkLimits};
pub use prelude::{MAGIC, MismatchKind, PRELUDE_LEN, PROTOCOL, Prelude, PreludeError, Side};
pub use reader::{FrameReader, Incoming};
pub use writer::FrameWriter;
