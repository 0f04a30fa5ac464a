//! Numbers that bound executions of every backend, each with its reason.

use std::time::Duration;

use plugdock_contracts::ByteSize;
use plugdock_contracts::error::{ErrorCode, ExecutionError};

/// Largest input, result or stream piece when no limit is set: what a frame of the protocol holds.
pub(crate) const DEFAULT_MAX_PAYLOAD: u64 = 64 * 1024 * 1024;

/// Bytes of output stream that wait for the caller: enough to keep a pipe busy, small against any payload.
pub(crate) const STREAM_WINDOW: u32 = 256 * 1024;

/// What an answer may take from the end of the grace to the host, before the process is killed or left.
pub(crate) const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// Refuses what is larger than allowed.
pub(crate) fn check_payload(what: &str, len: usize, max: u64) -> Result<(), ExecutionError> {
    if len as u64 <= max {
        return Ok(());
    }
    let message = format!("{what} has {len} bytes, the limit is {}", ByteSize::from_bytes(max));
    Err(ExecutionError::new(ErrorCode::PayloadTooLarge, message)
        .with_help("send large data as a stream or a file of the workspace, or raise the payload limit"))
}
