//! The handle of one open call: reads its events, and cancels it when dropped before the last one.
//! The call stays on the connection's table until the worker has ended it, whatever becomes of the handle.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::control::CallControl;
use super::end::Closer;
use super::{CallEvent, state::CallState};
use crate::error::{LinkError, SendError};
use crate::frame::{CallId, Cancel, CancelKind, ErrorReport};
use crate::stream::StreamSender;

/// One open call.
#[derive(Debug)]
pub struct HostCallHandle {
    control: CallControl,
    inputs: Vec<Option<StreamSender>>,
    /// Keeps the connection open as long as the call is.
    _closer: Arc<Closer>,
}

impl HostCallHandle {
    pub(super) fn new(closer: Arc<Closer>, state: Arc<CallState>) -> Self {
        let host = Arc::clone(&closer.host);
        let inputs = state
            .inputs
            .iter()
            .zip(0..)
            .map(|(flow, stream)| {
                Some(StreamSender::new(Arc::clone(&host.core), Arc::clone(flow), state.id, stream))
            })
            .collect();
        Self { control: CallControl { host, state }, inputs, _closer: closer }
    }

    /// The call's id on its connection.
    pub fn id(&self) -> CallId {
        self.control.id()
    }

    /// The next event, or none after the last. Cancel-safe: an event is taken only when it is returned.
    ///
    /// # Errors
    /// The connection ended before the call did. Everything read before that is returned first.
    pub async fn next(&mut self) -> Result<Option<CallEvent>, LinkError> {
        let CallControl { host, state } = &self.control;
        loop {
            // Looked up before the inbox: a cause seen here is after every frame that was read.
            let cause = host.core.cause();
            {
                let mut inbox = state.inbox();
                if let Some(event) = inbox.pop() {
                    return Ok(Some(event));
                }
                if inbox.finished {
                    return Ok(None);
                }
            }
            if let Some(cause) = cause {
                return Err(cause);
            }
            state.ready.notified().await;
        }
    }

    /// What can be done to the call besides reading it, for tasks beside this one.
    pub fn control(&self) -> CallControl {
        self.control.clone()
    }

    /// The sender of an input stream; each can be taken once.
    pub fn take_input(&mut self, stream: u32) -> Option<StreamSender> {
        self.inputs.get_mut(stream as usize)?.take()
    }

    /// See [`CallControl::cancel`].
    pub fn cancel(&self, cancel: Cancel) {
        self.control.cancel(cancel);
    }

    /// See [`CallControl::reply`].
    ///
    /// # Errors
    /// As there.
    pub fn reply(
        &self,
        id: u32,
        outcome: Result<String, ErrorReport>,
        payload: Bytes,
    ) -> Result<(), SendError> {
        self.control.reply(id, outcome, payload)
    }

    /// See [`CallControl::ack`].
    ///
    /// # Errors
    /// As there.
    pub fn ack(&self, stream: u32, credit: u32) -> Result<(), SendError> {
        self.control.ack(stream, credit)
    }

    /// See [`CallControl::stop`].
    pub fn stop(&self, stream: u32) {
        self.control.stop(stream);
    }

    /// See [`CallControl::n_dropped`].
    pub fn n_dropped(&self) -> u64 {
        self.control.n_dropped()
    }
}

impl Drop for HostCallHandle {
    fn drop(&mut self) {
        let CallControl { host, state } = &self.control;
        if state.inbox().finished {
            return;
        }
        self.control.cancel(Cancel::new(CancelKind::Dropped, "nobody waits for the result", Duration::ZERO));
        let (refused, due) = state.inbox().abandon();
        for id in refused {
            let message = "nobody waits for this call any more";
            host.refuse(
                state.id,
                id,
                crate::convert::report(plugdock_contracts::ErrorCode::Aborted, message),
            );
        }
        for (stream, credit) in due {
            host.core.ack(state.id, stream, Some(credit));
        }
    }
}
