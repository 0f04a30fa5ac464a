//! Drives one call on a worker: events to the caller, host calls to the gate, input to the handler, until its one end.

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{
    ByteSize, CancelReason, ExecutionEvent, LogLevel, LogLine, LogStream, Payload, Progress, WorkerId,
};
use plugdock_ipc::LinkError;
use plugdock_ipc::frame::{self, Call, Cancel, CancelKind, LogRecord};
use plugdock_ipc::link::host::{CallControl, CallEvent, CallStart, HostCallHandle, HostEnd};
use plugdock_ipc::stream::StreamSender;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::host_call::answer;
use crate::engine::{Job, StopClock, StopDecision};
use crate::execution::{InputPiece, Port};
use crate::limit;
use crate::process::{WorkerProcess, printable};

/// After the worker's process is dead: until everything it sent is read, even if a descendant holds the channel open.
pub(crate) const LAST_FRAMES: Duration = Duration::from_millis(200);

/// How a call ended.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// With an answer of the handler.
    Answer(Result<Payload, ExecutionError>),
    /// It was told to stop and did.
    Stopped(StopDecision),
    /// It was told to stop and did not, within the grace.
    Deaf(StopDecision),
    /// It was told to stop before it was given to its worker, which took nothing for so long.
    Unsent(StopDecision),
    /// It was told to stop, and its worker ended without an answer.
    Left(StopDecision),
    /// The connection broke before an answer.
    Broken(LinkError),
    /// The worker's process ended before an answer.
    Died,
}

/// How a call ended, and what is known of its beginning.
#[derive(Debug)]
pub(crate) struct Drove {
    pub(crate) end: CallEnd,
    /// The handler provably did not begin: the call was never sent, or everything that the worker ever sent was read to the
    /// end of the stream, and none of it was of this call. A worker says that a handler begins before it does.
    pub(crate) unbegun: bool,
}

impl Drove {
    const fn unsent(end: CallEnd) -> Self {
        Self { end, unbegun: true }
    }
}

/// One call as it is driven.
struct Driven<'a> {
    job: &'a Job,
    worker: &'a WorkerProcess,
    id: WorkerId,
    call: HostCallHandle,
    control: CallControl,
    /// Host calls and the input, beside the events.
    side: JoinSet<()>,
    /// The number that the next log record should have; a later one says how many were dropped on the way.
    next_record: u64,
    /// Records that were found missing so far.
    missing: u64,
    /// Something of the call came.
    heard: bool,
    /// The worker's stream was read to its end.
    read_out: bool,
}

/// Makes a call and drives it to its end.
pub(crate) async fn drive(
    job: &Job,
    worker: &WorkerProcess,
    id: &WorkerId,
    end: &HostEnd,
    takes_input: bool,
    clock: &mut StopClock<'_>,
) -> Drove {
    let start =
        CallStart { call: call_meta(job, takes_input), input: job.request.input.clone().into_bytes() };
    let made = tokio::select! {
        biased;
        stop = clock.stop() => return Drove::unsent(CallEnd::Unsent(stop)),
        made = end.call(start) => made,
    };
    let call = match made {
        Ok(call) => call,
        Err(plugdock_ipc::SendError::Link(cause)) => return Drove::unsent(CallEnd::Broken(cause)),
        Err(error) => {
            let error = ExecutionError::from_error(ErrorCode::PayloadTooLarge, &error);
            return Drove::unsent(CallEnd::Answer(Err(error)));
        }
    };
    let control = call.control();
    let mut driven = Driven {
        job,
        worker,
        id: id.clone(),
        call,
        control,
        side: JoinSet::new(),
        next_record: 0,
        missing: 0,
        heard: false,
        read_out: false,
    };
    match driven.call.take_input(0) {
        Some(sender) => drop(driven.side.spawn(feed(job.port.clone(), sender))),
        // A handler that takes no input says so with the first piece that is sent to it.
        None => job.port.close_input().await,
    }
    let end = driven.run(clock).await;
    // Awaited: a piece of input that is being taken this moment counts as taken, or is still there for another attempt.
    driven.side.shutdown().await;
    let heard = driven.heard || driven.call.n_dropped() > 0;
    Drove { end, unbegun: driven.read_out && !heard }
}

fn call_meta(job: &Job, takes_input: bool) -> Call {
    let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Call {
        handler: job.descriptor.handler.to_string(),
        // The descriptor is plain data with text keys: it always has a JSON form.
        descriptor: serde_json::to_string(&job.descriptor).unwrap_or_default(),
        content_type: job.request.input.content_type().to_owned(),
        deadline_us: Some(micros(job.timeouts.call())),
        grace_us: micros(job.timeouts.grace()),
        n_input_streams: u32::from(takes_input),
    }
}

/// Passes the caller's input on, with the credit of the connection.
async fn feed(port: Port, mut sender: StreamSender) {
    loop {
        match port.next_input().await {
            Some(InputPiece::Data(piece)) => {
                if sender.send(piece).await.is_err() {
                    // The handler takes no more: the caller's next piece is refused.
                    port.close_input().await;
                    return;
                }
            }
            Some(InputPiece::End) => {
                let _call_over = sender.finish();
                port.close_input().await;
                return;
            }
            None => {
                let _call_over = sender.abort("the caller broke the stream off");
                return;
            }
        }
    }
}

impl Driven<'_> {
    async fn run(&mut self, clock: &mut StopClock<'_>) -> CallEnd {
        let stop = loop {
            tokio::select! {
                biased;
                stop = clock.stop() => break stop,
                event = self.call.next() => if let Some(end) = self.take(event) { return end },
                _exit = self.worker.exited() => return self.after_exit().await,
                Some(_done) = self.side.join_next() => {}
            }
        };
        let grace = self.job.timeouts.grace();
        self.call.cancel(Cancel::new(cancel_kind(&stop.reason), stop.reason.to_string(), grace));
        // Without a grace there is no answer to wait for.
        let margin = if grace.is_zero() { Duration::ZERO } else { limit::ANSWER_MARGIN };
        let kill_at = Instant::now() + grace + margin;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(kill_at) => return CallEnd::Deaf(stop),
                event = self.call.next() => match self.take(event) {
                    // An answer that comes after the stop does not count; that it stopped does.
                    Some(CallEnd::Answer(_)) => return CallEnd::Stopped(stop),
                    Some(_broken) => return CallEnd::Left(stop),
                    None => {}
                },
                Some(_done) = self.side.join_next() => {}
            }
        }
    }

    /// The process is dead: what it sent before is read, then it is a crash.
    async fn after_exit(&mut self) -> CallEnd {
        let until = Instant::now() + LAST_FRAMES;
        loop {
            match tokio::time::timeout_at(until, self.call.next()).await {
                Ok(event) => match self.take(event) {
                    Some(CallEnd::Broken(LinkError::Violation(violation))) => {
                        return CallEnd::Broken(LinkError::Violation(violation));
                    }
                    Some(CallEnd::Broken(_)) => return CallEnd::Died,
                    Some(end) => return end,
                    None => {}
                },
                Err(_elapsed) => return CallEnd::Died,
            }
        }
    }

    /// Takes one event; answers the end if it was that.
    fn take(&mut self, event: Result<Option<CallEvent>, LinkError>) -> Option<CallEnd> {
        let event = match event {
            Ok(Some(event)) => event,
            Ok(None) => return Some(CallEnd::Broken(LinkError::Closed)),
            Err(cause) => {
                self.read_out = is_stream_end(&cause);
                return Some(CallEnd::Broken(cause));
            }
        };
        self.heard = true;
        let port = &self.job.port;
        if event.is_last() {
            // What was dropped on this side after the last record that came left no gap to be found.
            port.lost(self.call.n_dropped().saturating_sub(self.missing));
        }
        match event {
            CallEvent::Started { .. } => {
                port.event(ExecutionEvent::Started { worker: Some(self.id.clone()) });
            }
            CallEvent::Log(record) => {
                // A number that went back is the worker's fault, and loses nothing.
                let missing = record.seq.saturating_sub(self.next_record);
                self.missing = self.missing.saturating_add(missing);
                port.lost(missing);
                self.next_record = record.seq.saturating_add(1).max(self.next_record);
                port.log(log_line(&record));
            }
            CallEvent::Progress(progress) => {
                port.progress(Progress::new(progress.fraction, printable(progress.note.as_bytes())));
            }
            // A call has one output stream: what comes of another is given back unread, and its end is told to nobody.
            CallEvent::Data { stream: stream @ 1.., credit, .. } => {
                drop(Credit { control: self.control.clone(), stream, amount: credit });
            }
            CallEvent::End { stream: 1.., .. } => {}
            CallEvent::Data { stream, bytes, credit } => {
                port.data(bytes, Box::new(Credit { control: self.control.clone(), stream, amount: credit }));
            }
            CallEvent::End { aborted: None, .. } => port.event(ExecutionEvent::DataEnd),
            CallEvent::End { aborted: Some(reason), .. } => {
                let message = format!("the output stream broke off: {}", printable(reason.as_bytes()));
                port.log(LogLine::new(LogLevel::Warn, LogStream::Logger, message));
            }
            CallEvent::HostCall(request) => {
                self.side.spawn(answer(Arc::clone(port.gate()), self.control.clone(), request));
            }
            CallEvent::Reply { content_type, payload, .. } => {
                return Some(CallEnd::Answer(Ok(Payload::new(payload, content_type))));
            }
            CallEvent::Error(report) => return Some(CallEnd::Answer(Err((*report).into()))),
            CallEvent::TooLarge { len, limit } => {
                let limit = ByteSize::from_bytes(u64::from(limit));
                let message = format!("the result has {len} bytes, the limit is {limit}");
                return Some(CallEnd::Answer(Err(ExecutionError::new(ErrorCode::PayloadTooLarge, message))));
            }
            // A later version's event is nothing this one waits for.
            _ => {}
        }
        None
    }
}

/// Whether a connection ended because everything that the worker ever wrote was read.
fn is_stream_end(cause: &LinkError) -> bool {
    match cause {
        // Inside a frame: the frame was not written whole, so nothing that should come after it began.
        LinkError::Closed | LinkError::Truncated { .. } => true,
        // A socket whose other end was closed with unread bytes in it says so, after everything that it holds was read.
        LinkError::Read(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        _ => false,
    }
}

/// Gives a chunk's credit back when the caller has taken it.
struct Credit {
    control: CallControl,
    stream: u32,
    amount: u32,
}

impl Drop for Credit {
    fn drop(&mut self) {
        // After the call's end nobody waits for credit.
        let _call_over = self.control.ack(self.stream, self.amount);
    }
}

fn cancel_kind(reason: &CancelReason) -> CancelKind {
    match reason {
        CancelReason::Timeout => CancelKind::Timeout,
        CancelReason::CallerGone | CancelReason::ParentEnded => CancelKind::Dropped,
        CancelReason::Shutdown => CancelKind::Shutdown,
        _ => CancelKind::Caller,
    }
}

fn log_line(record: &LogRecord) -> LogLine {
    let level = match record.level {
        frame::LogLevel::Trace => LogLevel::Trace,
        frame::LogLevel::Debug => LogLevel::Debug,
        frame::LogLevel::Info => LogLevel::Info,
        frame::LogLevel::Warn => LogLevel::Warn,
        frame::LogLevel::Error => LogLevel::Error,
    };
    let mut line = LogLine::new(level, LogStream::Logger, printable(record.message.as_bytes()));
    // Fields that are no JSON object are the worker's fault and are left out.
    line.fields = serde_json::from_str(&record.fields).unwrap_or_default();
    line
}
