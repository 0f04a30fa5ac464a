//! What a running call can say and ask: logs, progress, output streams, host calls, and whether it is to stop.
//! Cheap to clone; after the call's end every use says so.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::job::{Job, Start, Waiter};
use super::state::Worker;
use crate::error::SendError;
use crate::frame::{
    CallId, Cancel, ErrorReport, Frame, HostCall, HostReply, LogRecord, Progress, ReplyOutcome, Started,
};
use crate::stream::StreamSender;
use crate::writer::Encoded;

/// Speaks for one running call.
#[derive(Debug, Clone)]
pub struct CallHandle {
    pub(super) worker: Arc<Worker>,
    pub(super) job: Arc<Job>,
}

/// The host's answer to a host call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostAnswer {
    /// The value, as JSON text.
    pub value: String,
    /// Bytes that go with it.
    pub payload: Bytes,
}

/// A host call without an answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HostCallError {
    /// The host says why.
    #[error("{}: {}", .0.code, .0.message)]
    Failed(Box<ErrorReport>),
    /// It was not sent, or the call or the connection ended before the answer.
    #[error("the host call was not answered")]
    Unanswered(#[source] SendError),
}

impl CallHandle {
    /// The call's id on its connection.
    pub fn id(&self) -> CallId {
        self.job.id
    }

    fn check(&self) -> Result<(), SendError> {
        if self.job.is_over() { Err(SendError::CallOver { call: self.job.id }) } else { Ok(()) }
    }

    /// Queues `Started`, in front of what other calls send, and does not wait until it is written: the handler must
    /// not begin before [`CallHandle::flush_started`] says so. The first time counts.
    ///
    /// # Errors
    /// The call or the connection ended.
    pub fn started(&self) -> Result<(), SendError> {
        self.start().map(drop)
    }

    /// Says `Started`, if that was not said yet, and waits until the stream took all of it. After that, and not before,
    /// the handler may begin: a host takes a stream that ended without it as proof that the handler did not.
    ///
    /// Cancel-safe: dropped midway, `Started` is still sent, and the wait can be taken up again.
    ///
    /// # Errors
    /// The call ended, or the connection did before everything was written.
    pub async fn flush_started(&self) -> Result<(), SendError> {
        let Start { ticket, .. } = self.start()?;
        self.worker.core.written(ticket).await
    }

    fn start(&self) -> Result<Start, SendError> {
        // Held until the frame is queued, so that it cannot come behind the end of its call.
        let asked = self.job.asked();
        if asked.over {
            return Err(SendError::CallOver { call: self.job.id });
        }
        if let Some(start) = self.job.started.get() {
            return Ok(*start);
        }
        let at = Instant::now();
        let waited_us = micros(at.duration_since(self.job.received));
        let frame = self.worker.core.encode(Frame::bare(self.job.id, Started { waited_us }))?;
        let ticket = self.worker.core.urge_encoded(frame)?;
        Ok(*self.job.started.get_or_init(|| Start { at, ticket }))
    }

    /// Sends a log record without waiting; false when it was dropped because too many wait to be sent. Number and time of
    /// the record are set here, long text is cut.
    pub fn log(&self, record: LogRecord) -> bool {
        let sent = self.stamp(record).and_then(|frame| self.send_or_drop(frame));
        self.count(sent)
    }

    /// Sends a log record, waiting while too many wait to be sent. Cancel-safe: dropped midway, the record is lost.
    ///
    /// # Errors
    /// The call or the connection ended.
    pub async fn log_waiting(&self, record: LogRecord) -> Result<(), SendError> {
        let frame = self.stamp(record)?;
        let room = self.worker.core.reserve_log(&frame).await?;
        self.check()?;
        self.worker.core.push(frame, Some(room))
    }

    /// Says how far the call is, without waiting; false when it was dropped because too much waits to be sent.
    pub fn progress(&self, mut progress: Progress) -> bool {
        progress.fit();
        let frame = self.check().and_then(|()| self.worker.core.encode(Frame::bare(self.job.id, progress)));
        let sent = frame.and_then(|frame| self.send_or_drop(frame));
        self.count(sent)
    }

    /// Log records and progress notes dropped on this side.
    pub fn n_dropped(&self) -> u64 {
        self.job.n_dropped.load(Ordering::Relaxed)
    }

    fn stamp(&self, mut record: LogRecord) -> Result<Encoded, SendError> {
        self.check()?;
        record.fit();
        record.seq = self.job.seq.fetch_add(1, Ordering::Relaxed);
        record.offset_us = self.job.started.get().map_or(0, |start| micros(start.at.elapsed()));
        self.worker.core.encode(Frame::bare(self.job.id, record))
    }

    fn send_or_drop(&self, frame: Encoded) -> Result<bool, SendError> {
        match self.worker.core.try_reserve_log(&frame) {
            Some(room) => self.worker.core.push(frame, Some(room)).map(|()| true),
            None => Ok(false),
        }
    }

    fn count(&self, sent: Result<bool, SendError>) -> bool {
        let sent = sent.unwrap_or(false);
        if !sent {
            self.job.n_dropped.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    /// Opens an output stream; the host hears of it with its first chunk or its end.
    ///
    /// # Errors
    /// Too many are open, or the call ended.
    pub fn open_stream(&self) -> Result<StreamSender, SendError> {
        let core = &self.worker.core;
        let (stream, flow) = self.job.open_output(core.limits().stream_window)?;
        Ok(StreamSender::new(Arc::clone(core), flow, self.job.id, stream))
    }

    /// Asks the host for a service and waits for its answer; waits first while as many as agreed are in flight.
    ///
    /// Cancel-safe in that the connection stays usable: dropped midway, the host may have executed the call.
    ///
    /// # Errors
    /// The host's refusal or failure, a bound, or the end of the call or connection.
    pub async fn host_call(
        &self,
        service: impl Into<String>,
        method: impl Into<String>,
        args: impl Into<String>,
        payload: Bytes,
    ) -> Result<HostAnswer, HostCallError> {
        let request =
            HostCall { id: u32::MAX, service: service.into(), method: method.into(), args: args.into() };
        let answered = self.ask(request, payload).await.map_err(HostCallError::Unanswered)?;
        let Ok((reply, payload)) = answered.await else {
            let gone = self.worker.core.check().err().unwrap_or(SendError::CallOver { call: self.job.id });
            return Err(HostCallError::Unanswered(gone));
        };
        match reply.outcome {
            ReplyOutcome::Ok(value) => Ok(HostAnswer { value, payload }),
            ReplyOutcome::Err(report) => Err(HostCallError::Failed(report)),
        }
    }

    async fn ask(
        &self,
        mut request: HostCall,
        payload: Bytes,
    ) -> Result<oneshot::Receiver<(HostReply, Bytes)>, SendError> {
        let (core, call) = (&self.worker.core, self.job.id);
        // Encoded once with the longest id, to know what it costs and that it is not refused below.
        let longest = core.encode(Frame::new(call, request.clone(), payload.clone()))?;
        let slots = Arc::clone(&self.job.slots);
        let slot = slots.acquire_owned().await.map_err(|_closed| SendError::CallOver { call })?;
        let room = core.reserve(&longest).await?;
        let (answer, answered) = oneshot::channel();
        let mut asked = self.job.asked();
        if asked.over {
            return Err(SendError::CallOver { call });
        }
        core.check()?;
        request.id = asked.next;
        let frame = core.encode(Frame::new(call, request, payload))?;
        core.push(frame, Some(room))?;
        let id = asked.next;
        asked.next += 1;
        asked.waiting.insert(id, Waiter { answer, _slot: slot });
        Ok(answered)
    }

    /// The cancel, once the host asked for one.
    pub fn cancel(&self) -> Option<Cancel> {
        self.job.cancel.borrow().clone()
    }

    /// Waits until the host asks to stop, or until the connection ends, when there is nobody left to work for: none
    /// then. Cancel-safe.
    pub async fn cancelled(&self) -> Option<Cancel> {
        let mut cancel = self.job.cancel.subscribe();
        tokio::select! {
            biased;
            asked = cancel.wait_for(Option::is_some) => asked.ok().and_then(|cancel| cancel.clone()),
            _cause = self.worker.core.closed() => None,
        }
    }
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
