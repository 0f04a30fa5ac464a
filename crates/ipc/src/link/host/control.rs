//! What a host can do to a running call besides reading it; cheap to clone, for tasks beside the reading one.
//! It keeps neither the call nor the connection alive.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use plugdock_contracts::ErrorCode;

use super::CallEvent;
use super::state::{CallState, Found, Host};
use crate::convert::report;
use crate::error::SendError;
use crate::frame::{CallId, Cancel, ErrorReport, Frame, HostReply, ReplyOutcome, StopStream};

/// Controls one call.
#[derive(Debug, Clone)]
pub struct CallControl {
    pub(super) host: Arc<Host>,
    pub(super) state: Arc<CallState>,
}

impl CallControl {
    /// The call's id on its connection.
    pub fn id(&self) -> CallId {
        self.state.id
    }

    /// Asks the worker to stop the call; the first request stands, later ones change nothing. The call still ends with its
    /// last event. One that was not sent yet is withdrawn instead, and ends with `ABORTED`.
    pub fn cancel(&self, cancel: Cancel) {
        if self.state.cancelled.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.host.core.withdraw(self.state.id) {
            self.host.close(&self.state);
            let event = CallEvent::Error(Box::new(report(ErrorCode::Aborted, cancel.reason)));
            self.state.inbox().push(event);
            self.state.ready.notify_one();
        } else if matches!(self.host.find(self.state.id), Found::Open(_)) {
            self.host.core.urge(Frame::bare(self.state.id, cancel));
        }
    }

    /// Answers a host call: a value as JSON text, or why not.
    ///
    /// # Errors
    /// [`SendError::NotAsked`] when it does not wait; a value above a bound is refused, and the host call still waits then.
    pub fn reply(
        &self,
        id: u32,
        outcome: Result<String, ErrorReport>,
        payload: Bytes,
    ) -> Result<(), SendError> {
        let call = self.state.id;
        let outcome = match outcome {
            Ok(value) => ReplyOutcome::Ok(value),
            Err(report) => ReplyOutcome::Err(Box::new(report)),
        };
        let frame = self.host.core.encode(Frame::new(call, HostReply { id, outcome }, payload))?;
        let mut inbox = self.state.inbox();
        if !inbox.waits(id) {
            return Err(SendError::NotAsked { call, id });
        }
        self.host.core.push(frame, None)?;
        inbox.answered(id);
        Ok(())
    }

    /// Gives the credit of a used chunk back, so that the stream goes on.
    ///
    /// # Errors
    /// [`SendError::CreditNotOwed`] when more is given back than was received.
    pub fn ack(&self, stream: u32, credit: u32) -> Result<(), SendError> {
        let due = self
            .state
            .inbox()
            .consume(stream, credit)
            .map_err(|owed| SendError::CreditNotOwed { credit: credit.into(), owed: owed.into() })?;
        self.host.core.ack(self.state.id, stream, due);
        Ok(())
    }

    /// Tells the worker to send no more of an output stream, and throws away what came of it unread.
    pub fn stop(&self, stream: u32) {
        let (tell, due) = self.state.inbox().stop(stream);
        if tell {
            self.host.core.urge(Frame::bare(self.state.id, StopStream { stream }));
        }
        self.host.core.ack(self.state.id, stream, due);
    }

    /// Logs and progress notes dropped because nobody read them in time.
    pub fn n_dropped(&self) -> u64 {
        self.state.inbox().n_dropped
    }
}
