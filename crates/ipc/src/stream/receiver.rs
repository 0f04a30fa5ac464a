//! The receiving end of a stream with a queue of its own. Credit goes back as chunks are taken.
//! Dropped before the end it tells the sender to stop.

use std::sync::Arc;

use bytes::Bytes;

use super::Inflow;
use super::inflow::{InflowEnd, Taken};
use crate::frame::{CallId, Frame, StopStream};
use crate::link::Core;

/// Receives one stream of a call.
#[derive(Debug)]
pub struct StreamReceiver {
    core: Arc<Core>,
    flow: Arc<Inflow>,
    call: CallId,
    stream: u32,
}

/// A stream that ended before it was complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Its sender gave up.
    #[error("the stream's sender gave up: {reason}")]
    Aborted {
        /// Why, in its words.
        reason: String,
    },
    /// The call or the connection ended first.
    #[error("the call ended before the stream")]
    Cut,
}

impl StreamReceiver {
    pub(crate) fn new(core: Arc<Core>, flow: Arc<Inflow>, call: CallId, stream: u32) -> Self {
        Self { core, flow, call, stream }
    }

    /// The stream's number in its call and direction.
    pub fn id(&self) -> u32 {
        self.stream
    }

    /// The next chunk, or none after the last. Cancel-safe: a chunk is taken only when it is returned.
    ///
    /// # Errors
    /// The stream ended before it was complete; what came before was returned.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, StreamError> {
        loop {
            match self.flow.take() {
                Taken::Chunk(chunk, credit) => {
                    self.core.ack(self.call, self.stream, credit);
                    return Ok(Some(chunk));
                }
                Taken::End(InflowEnd::Complete) => return Ok(None),
                Taken::End(InflowEnd::Aborted(reason)) => return Err(StreamError::Aborted { reason }),
                Taken::End(InflowEnd::Cut) => return Err(StreamError::Cut),
                Taken::Nothing => self.flow.changed().await,
            }
        }
    }
}

impl Drop for StreamReceiver {
    fn drop(&mut self) {
        let (tell, credit) = self.flow.stop();
        if tell {
            self.core.urge(Frame::bare(self.call, StopStream { stream: self.stream }));
        }
        self.core.ack(self.call, self.stream, credit);
    }
}
