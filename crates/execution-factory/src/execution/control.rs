//! What a caller holds of an execution: the contracts' handle over this crate's channels.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use plugdock_contracts::backend::BackendKind;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::execution::{ExecutionControl, InputClosed, InputStream};
use plugdock_contracts::{BoxFuture, CancelReason, ExecutionEvent, ExecutionId, Outcome};
use tokio::sync::{mpsc, oneshot};

use super::{CancelSignal, EventQueue, InputPiece};

/// The caller's end of a running execution.
pub(crate) struct LiveExecution {
    pub(crate) id: ExecutionId,
    pub(crate) kind: BackendKind,
    pub(crate) queue: Arc<EventQueue>,
    pub(crate) outcome: oneshot::Receiver<Outcome>,
    pub(crate) cancel: CancelSignal,
    pub(crate) input: Option<mpsc::Sender<InputPiece>>,
}

impl ExecutionControl for LiveExecution {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<ExecutionEvent>> {
        self.queue.poll_next(cx)
    }

    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        std::pin::Pin::new(&mut self.outcome).poll(cx).map(|received| {
            received.unwrap_or_else(|_lost| {
                // Only a panic of the supervising task, or a runtime that is gone, loses an outcome.
                let error = ExecutionError::new(ErrorCode::UnknownError, "the backend lost the execution");
                Outcome::new(self.id.clone(), self.kind, Err(error))
            })
        })
    }

    fn cancel(&self, reason: CancelReason) {
        self.cancel.cancel(reason);
    }

    fn take_input(&mut self) -> Option<Box<dyn InputStream>> {
        let sender = self.input.take()?;
        Some(Box::new(InputSender(sender)))
    }
}

impl Drop for LiveExecution {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// The caller's end of the input stream.
struct InputSender(mpsc::Sender<InputPiece>);

impl InputStream for InputSender {
    fn send(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), InputClosed>> {
        Box::pin(async move { self.0.send(InputPiece::Data(bytes)).await.map_err(|_refused| InputClosed) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), InputClosed>> {
        Box::pin(async move { self.0.send(InputPiece::End).await.map_err(|_refused| InputClosed) })
    }
}
