//! One accepted call: its input, its handles, and its one end.
//! Dropped without an end it fails with `HANDLER_CONTRACT_ERROR`: the host always gets exactly one.

use std::sync::Arc;

use bytes::Bytes;
use plugdock_contracts::ErrorCode;

use super::CallHandle;
use super::end::Closer;
use super::job::Job;
use super::state::Worker;
use crate::convert::report;
use crate::error::SendError;
use crate::frame::{Call, CallId, ErrorReport, Frame, Reply};
use crate::stream::StreamReceiver;

/// A call to run.
#[derive(Debug)]
pub struct WorkerCall {
    handle: CallHandle,
    meta: Call,
    input: Bytes,
    streams: Vec<Option<StreamReceiver>>,
    /// Keeps the connection open until the call has ended.
    closer: Option<Arc<Closer>>,
}

impl WorkerCall {
    pub(super) fn new(worker: Arc<Worker>, job: Arc<Job>, meta: Call, input: Bytes) -> Self {
        let streams = job
            .inputs
            .iter()
            .zip(0..)
            .map(|(flow, stream)| {
                Some(StreamReceiver::new(Arc::clone(&worker.core), Arc::clone(flow), job.id, stream))
            })
            .collect();
        Self { handle: CallHandle { worker, job }, meta, input, streams, closer: None }
    }

    pub(super) fn held_by(mut self, closer: &Arc<Closer>) -> Self {
        self.closer = Some(Arc::clone(closer));
        self
    }

    /// The call's id on its connection.
    pub fn id(&self) -> CallId {
        self.handle.id()
    }

    /// Handler, descriptor, deadline.
    pub fn meta(&self) -> &Call {
        &self.meta
    }

    /// The input; cheap to clone.
    pub fn input(&self) -> &Bytes {
        &self.input
    }

    /// What the handler can say and ask while it runs; cheap to clone.
    pub fn handle(&self) -> CallHandle {
        self.handle.clone()
    }

    /// The receiver of an input stream; each can be taken once.
    pub fn take_input(&mut self, stream: u32) -> Option<StreamReceiver> {
        self.streams.get_mut(stream as usize)?.take()
    }

    /// Ends the call with an output, behind everything sent of it before. Never waits.
    ///
    /// # Errors
    /// The connection ended; or the output is above a bound, and the call failed with `PAYLOAD_TOO_LARGE` instead.
    pub fn reply(self, reply: Reply, output: Bytes) -> Result<(), SendError> {
        let refused = match self.end(Frame::new(self.id(), reply, output)) {
            Ok(()) => return Ok(()),
            Err(err @ SendError::Link(_)) => return Err(err),
            Err(err) => err,
        };
        self.end(Frame::bare(self.id(), report(ErrorCode::PayloadTooLarge, refused.to_string())))?;
        Err(refused)
    }

    /// Ends the call with an error, behind everything sent of it before. Never waits.
    ///
    /// # Errors
    /// The connection ended; or the report is above a bound, and the call failed with its code and message alone.
    pub fn fail(self, error: ErrorReport) -> Result<(), SendError> {
        let short = ErrorReport {
            code: crate::limit::cut(&error.code, crate::limit::MAX_NAME).to_owned(),
            message: crate::limit::cut(&error.message, crate::limit::MAX_LOG_TEXT).to_owned(),
            retryable: error.retryable,
            fault: error.fault,
            ..ErrorReport::default()
        };
        let refused = match self.end(Frame::bare(self.id(), error)) {
            Ok(()) => return Ok(()),
            Err(err @ SendError::Link(_)) => return Err(err),
            Err(err) => err,
        };
        self.end(Frame::bare(self.id(), short))?;
        Err(refused)
    }

    fn end(&self, last: Frame) -> Result<(), SendError> {
        let CallHandle { worker, job } = &self.handle;
        let frame = worker.core.encode(last)?;
        if !job.finish() {
            return Err(SendError::CallOver { call: job.id });
        }
        worker.table().open.remove(&job.id);
        worker.core.push(frame, None)
    }
}

impl Drop for WorkerCall {
    fn drop(&mut self) {
        if self.handle.job.is_over() {
            return;
        }
        let error = report(ErrorCode::HandlerContractError, "the call was dropped without a result");
        if let Err(err) = self.end(Frame::bare(self.id(), error)) {
            tracing::debug!(%err, call = %self.id(), "end of a dropped call not sent");
        }
    }
}
