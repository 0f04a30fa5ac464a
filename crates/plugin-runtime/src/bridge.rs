//! The one way from a handler to its host: in-process it is a direct call, in a worker it is the channel.
//! A handler never sees it; it talks to [`crate::Ctx`].

use bytes::Bytes;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::host_call::{HostCall, HostReply};
use plugdock_contracts::{BoxFuture, LogLine, Progress};

/// The peer takes no more of a stream, or gives no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Nobody reads the output any more: the caller went away or dropped the stream.
    #[error("nobody takes the output any more")]
    OutputClosed,
    /// The input broke off before it was complete.
    #[error("the input broke off before it was complete")]
    InputBroken,
    /// A piece is larger than the host takes.
    #[error("a stream piece is larger than the host takes")]
    PieceTooLarge,
}

/// What a host is to the handler that it runs.
pub trait HostBridge: Send + Sync + 'static {
    /// Passes a log line on. Never blocks; a line that nobody takes in time may be dropped, and is then counted.
    fn log(&self, line: LogLine);

    /// Passes progress on. Never blocks; only the latest matters.
    fn progress(&self, progress: Progress);

    /// Asks the host for something. The host checks the grants.
    fn call(&self, call: HostCall, body: Bytes) -> BoxFuture<'static, Result<HostReply, ExecutionError>>;

    /// Sends a piece of the output stream, waiting until the reader has taken enough of what was sent before.
    fn send_output(&self, piece: Bytes) -> BoxFuture<'_, Result<(), StreamError>>;

    /// Says that the output stream is complete; saying it again changes nothing.
    fn end_output(&self) -> BoxFuture<'_, Result<(), StreamError>>;

    /// The next piece of the input stream; `None` when it is complete.
    fn next_input(&self) -> BoxFuture<'_, Result<Option<Bytes>, StreamError>>;

    /// Says that the handler takes no more input. Never blocks.
    fn close_input(&self);
}
