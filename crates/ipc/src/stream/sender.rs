//! The sending end of a stream. It waits for credit and for room in the outgoing queue, never for the peer's attention.
//! Dropped without an end it tells the receiver that the stream is not complete.

use std::sync::Arc;

use bytes::Bytes;

use super::{Outflow, cost};
use crate::error::SendError;
use crate::frame::{CallId, Data, End, Frame};
use crate::link::Core;

/// Sends one stream of a call.
#[derive(Debug)]
pub struct StreamSender {
    core: Arc<Core>,
    flow: Arc<Outflow>,
    call: CallId,
    stream: u32,
}

impl StreamSender {
    pub(crate) fn new(core: Arc<Core>, flow: Arc<Outflow>, call: CallId, stream: u32) -> Self {
        Self { core, flow, call, stream }
    }

    /// The stream's number in its call and direction.
    pub fn id(&self) -> u32 {
        self.stream
    }

    /// Sends bytes, cut into chunks that let control frames pass. Waits while the receiver is behind.
    ///
    /// Cancel-safe between chunks: dropped midway, a beginning of `bytes` may have been sent, and the stream stays usable.
    ///
    /// # Errors
    /// [`SendError::StreamStopped`] when the receiver wants no more, [`SendError::CallOver`] after the call's end, or the
    /// link's end.
    pub async fn send(&mut self, mut bytes: Bytes) -> Result<(), SendError> {
        let chunk = self.core.limits().chunk() as usize;
        while !bytes.is_empty() {
            self.send_chunk(bytes.split_to(bytes.len().min(chunk))).await?;
        }
        Ok(())
    }

    async fn send_chunk(&mut self, chunk: Bytes) -> Result<(), SendError> {
        let cost = cost(chunk.len());
        let frame = self.core.encode(Frame::new(self.call, Data { stream: self.stream }, chunk))?;
        loop {
            self.check()?;
            if self.flow.lock().window.left() >= cost {
                break;
            }
            self.flow.changed().await;
        }
        let room = self.core.reserve(&frame).await?;
        let mut state = self.flow.lock();
        if state.over || state.stopped {
            drop(state);
            return self.check();
        }
        let taken = state.window.take(cost);
        debug_assert!(taken, "only this sender uses the window, and it saw the credit");
        self.core.push(frame, Some(room))
    }

    fn check(&self) -> Result<(), SendError> {
        self.core.check()?;
        let state = self.flow.lock();
        match (state.over, state.stopped) {
            (true, _) => Err(SendError::CallOver { call: self.call }),
            (false, true) => Err(SendError::StreamStopped),
            (false, false) => Ok(()),
        }
    }

    /// Ends the stream: everything was sent.
    ///
    /// # Errors
    /// The call or the link ended before.
    pub fn finish(self) -> Result<(), SendError> {
        self.end(None)
    }

    /// Ends the stream and tells the receiver why it is not complete.
    ///
    /// # Errors
    /// The call or the link ended before.
    pub fn abort(self, reason: impl Into<String>) -> Result<(), SendError> {
        self.end(Some(reason.into()))
    }

    fn end(&self, aborted: Option<String>) -> Result<(), SendError> {
        let frame = self.core.encode(Frame::bare(self.call, End { stream: self.stream, aborted }))?;
        let mut state = self.flow.lock();
        if state.over {
            return Err(SendError::CallOver { call: self.call });
        }
        state.over = true;
        self.core.push(frame, None)
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        let is_over = self.flow.lock().over;
        if !is_over && let Err(err) = self.end(Some("the sender was dropped".to_owned())) {
            tracing::trace!(%err, "stream dropped after its call");
        }
    }
}
