//! The two streams of a call, as the handler sees them: pieces in, pieces out, with back-pressure.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use plugdock_contracts::error::ErrorCode;
use plugdock_contracts::{ExecutionError, Payload};
use serde::Serialize;

use crate::bridge::{HostBridge, StreamError};

/// Pieces that the caller sends.
pub struct Input {
    bridge: Arc<dyn HostBridge>,
}

impl Input {
    pub(crate) fn new(bridge: Arc<dyn HostBridge>) -> Self {
        Self { bridge }
    }

    /// The next piece; `None` when the caller has sent all. Cancel safe.
    ///
    /// # Errors
    /// `ABORTED` when the stream broke off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExecutionError> {
        self.bridge.next_input().await.map_err(to_error)
    }
}

impl Drop for Input {
    /// A handler that drops its end takes no more: whoever sends is told so.
    fn drop(&mut self) {
        self.bridge.close_input();
    }
}

/// Pieces for the caller. The runtime ends the stream when the handler has answered. Clones write to the same stream.
#[derive(Clone)]
pub struct Output {
    bridge: Arc<dyn HostBridge>,
}

impl Output {
    pub(crate) fn new(bridge: Arc<dyn HostBridge>) -> Self {
        Self { bridge }
    }

    /// Sends a piece, waiting until the caller has taken enough of what was sent before. A stream is bytes: a large piece
    /// may reach the caller in several, and an empty one does not.
    ///
    /// # Errors
    /// `ABORTED` when nobody takes the output any more, `PAYLOAD_TOO_LARGE` for a piece above the host's limit.
    pub async fn send(&self, piece: impl Into<Bytes>) -> Result<(), ExecutionError> {
        self.bridge.send_output(piece.into()).await.map_err(to_error)
    }

    /// Sends a value as one line of JSON.
    ///
    /// # Errors
    /// As [`Output::send`], and `HANDLER_CONTRACT_ERROR` for a value without a JSON form.
    pub async fn send_json<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), ExecutionError> {
        let payload = Payload::json(value)
            .map_err(|error| ExecutionError::from_error(ErrorCode::HandlerContractError, &error))?;
        let mut line = Vec::from(payload.into_bytes());
        line.push(b'\n');
        self.send(line).await
    }
}

fn to_error(error: StreamError) -> ExecutionError {
    let code = match error {
        StreamError::PieceTooLarge => ErrorCode::PayloadTooLarge,
        StreamError::OutputClosed | StreamError::InputBroken => ErrorCode::Aborted,
    };
    ExecutionError::from_error(code, &error)
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}
