//! What waits to be read of one call, and which frames may come next: a plain value without waiting or locks.
//! Logs and progress are dropped and counted beyond a bound; everything else is bounded by credit or count.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use super::{CallEvent, HostRequest};
use crate::error::Violation;
use crate::frame::{CallId, HostCall, Kind, LogRecord, Progress};
use crate::limit::{LinkLimits, MAX_OPEN_STREAMS, MAX_UNREAD_EVENTS, MAX_UNREAD_LOG_BYTES};
use crate::stream::{ReceiveWindow, cost};

#[derive(Debug)]
pub(super) struct Inbox {
    call: CallId,
    limits: LinkLimits,
    events: VecDeque<CallEvent>,
    started: bool,
    /// Nobody reads any more: streams are given back at once, host calls are refused.
    abandoned: bool,
    /// The last event was read.
    pub(super) finished: bool,
    n_unread: usize,
    n_log_bytes: usize,
    pub(super) n_dropped: u64,
    streams: HashMap<u32, Inbound>,
    next_stream: u32,
    next_host_call: u32,
    waiting: HashSet<u32>,
    n_request_bytes: usize,
}

#[derive(Debug)]
struct Inbound {
    window: ReceiveWindow,
    stopped: bool,
    ended: bool,
}

/// What the link has to send after a frame was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    /// Credit for the stream.
    Ack(Option<u32>),
    /// Refuse the host call: nobody would read its answer.
    RefuseAbandoned,
    /// Refuse the host call: too much of others waits unread.
    RefuseFull,
}

impl Inbox {
    pub(super) fn new(call: CallId, limits: LinkLimits) -> Self {
        Self {
            call,
            limits,
            events: VecDeque::new(),
            started: false,
            abandoned: false,
            finished: false,
            n_unread: 0,
            n_log_bytes: 0,
            n_dropped: 0,
            streams: HashMap::new(),
            next_stream: 0,
            next_host_call: 0,
            waiting: HashSet::new(),
            n_request_bytes: 0,
        }
    }

    pub(super) fn started(&mut self, waited_us: u64) -> Result<(), Violation> {
        if std::mem::replace(&mut self.started, true) {
            return Err(Violation::Twice { kind: Kind::Started, call: self.call });
        }
        self.push(CallEvent::Started { waited_us });
        Ok(())
    }

    pub(super) fn log(&mut self, record: LogRecord) {
        let n_bytes = record.n_bytes();
        if self.n_unread >= MAX_UNREAD_EVENTS || self.n_log_bytes + n_bytes > MAX_UNREAD_LOG_BYTES {
            self.n_dropped += 1;
            return;
        }
        self.n_unread += 1;
        self.n_log_bytes += n_bytes;
        self.push(CallEvent::Log(record));
    }

    pub(super) fn progress(&mut self, mut progress: Progress) {
        progress.fit();
        // A newer note makes the unread one before it worthless.
        if let Some(CallEvent::Progress(last)) = self.events.back_mut() {
            *last = progress;
        } else if self.n_unread >= MAX_UNREAD_EVENTS {
            self.n_dropped += 1;
        } else {
            self.n_unread += 1;
            self.push(CallEvent::Progress(progress));
        }
    }

    pub(super) fn data(&mut self, stream: u32, bytes: Bytes) -> Result<Answer, Violation> {
        let call = self.call;
        if bytes.is_empty() {
            return Err(Violation::EmptyData { call, stream });
        }
        let abandoned = self.abandoned;
        let inbound = self.inbound(Kind::Data, stream)?;
        let credit = cost(bytes.len());
        inbound.window.receive(credit).map_err(|left| Violation::BeyondCredit {
            call,
            stream,
            cost: credit.into(),
            left: left.into(),
        })?;
        if abandoned || inbound.stopped {
            return Ok(Answer::Ack(inbound.window.consume(credit).unwrap_or(None)));
        }
        self.push(CallEvent::Data { stream, bytes, credit });
        Ok(Answer::Nothing)
    }

    pub(super) fn end(&mut self, stream: u32, aborted: Option<String>) -> Result<Answer, Violation> {
        let inbound = self.inbound(Kind::End, stream)?;
        inbound.ended = true;
        let credit = inbound.window.end();
        let stopped = inbound.stopped;
        self.free_slot(stream);
        if !stopped {
            self.push(CallEvent::End { stream, aborted });
        }
        Ok(Answer::Ack(credit))
    }

    /// The stream of a frame; the next unused number opens one.
    fn inbound(&mut self, kind: Kind, stream: u32) -> Result<&mut Inbound, Violation> {
        let call = self.call;
        if stream == self.next_stream {
            if self.streams.len() >= MAX_OPEN_STREAMS {
                return Err(Violation::TooManyStreams { call, limit: MAX_OPEN_STREAMS });
            }
            self.next_stream += 1;
            let window = ReceiveWindow::new(self.limits.stream_window);
            self.streams.insert(stream, Inbound { window, stopped: self.abandoned, ended: false });
        }
        match self.streams.get_mut(&stream) {
            Some(inbound) if !inbound.ended => Ok(inbound),
            _ => Err(Violation::UnknownStream { kind, call, stream }),
        }
    }

    /// A stream holds its slot until it ended and all its credit went back.
    fn free_slot(&mut self, stream: u32) {
        if self.streams.get(&stream).is_some_and(|inbound| inbound.window.is_done()) {
            self.streams.remove(&stream);
        }
    }

    /// Notes that the reader used a chunk; says what to ack, or what is owed when that is less.
    pub(super) fn consume(&mut self, stream: u32, credit: u32) -> Result<Option<u32>, u32> {
        // Of an unknown or stopped stream everything was given back already.
        let Some(inbound) = self.streams.get_mut(&stream).filter(|inbound| !inbound.stopped) else {
            return Ok(None);
        };
        let due = inbound.window.consume(credit)?;
        self.free_slot(stream);
        Ok(due)
    }

    /// Stops a stream; says whether the sender must be told, and what to ack.
    pub(super) fn stop(&mut self, stream: u32) -> (bool, Option<u32>) {
        self.events.retain(|event| !matches!(event, CallEvent::Data { stream: id, .. } if *id == stream));
        let Some(inbound) = self.streams.get_mut(&stream) else { return (false, None) };
        let tell = !std::mem::replace(&mut inbound.stopped, true) && !inbound.ended;
        let unread = inbound.window.unread();
        let due = inbound.window.consume(unread).unwrap_or(None);
        self.free_slot(stream);
        (tell, due)
    }

    pub(super) fn host_call(&mut self, request: HostCall, payload: Bytes) -> Result<Answer, Violation> {
        self.count_host_call(request.id)?;
        if self.abandoned {
            return Ok(Answer::RefuseAbandoned);
        }
        if self.waiting.len() >= self.limits.max_host_calls as usize {
            return Err(Violation::TooManyHostCalls { call: self.call, limit: self.limits.max_host_calls });
        }
        // One payload of any size may wait; more together would let a call park gigabytes here.
        if self.n_request_bytes > 0 && self.n_request_bytes + payload.len() > self.limits.max_payload as usize
        {
            return Ok(Answer::RefuseFull);
        }
        self.waiting.insert(request.id);
        self.n_request_bytes += payload.len();
        let HostCall { id, service, method, args } = request;
        self.push(CallEvent::HostCall(HostRequest { id, service, method, args, payload }));
        Ok(Answer::Nothing)
    }

    /// Ids count up by one, so that none can be asked twice.
    pub(super) fn count_host_call(&mut self, id: u32) -> Result<(), Violation> {
        if id != self.next_host_call {
            return Err(Violation::HostCallOrder { call: self.call, id, expected: self.next_host_call });
        }
        self.next_host_call += 1;
        Ok(())
    }

    /// Takes a host call off the list of those that wait; false when it is not on it.
    pub(super) fn answered(&mut self, id: u32) -> bool {
        self.waiting.remove(&id)
    }

    pub(super) fn waits(&self, id: u32) -> bool {
        self.waiting.contains(&id)
    }

    pub(super) fn push(&mut self, event: CallEvent) {
        if !self.abandoned {
            self.events.push_back(event);
        }
    }

    pub(super) fn pop(&mut self) -> Option<CallEvent> {
        let event = self.events.pop_front()?;
        match &event {
            CallEvent::Log(record) => {
                self.n_unread -= 1;
                self.n_log_bytes -= record.n_bytes();
            }
            CallEvent::Progress(_) => self.n_unread -= 1,
            CallEvent::HostCall(request) => self.n_request_bytes -= request.payload.len(),
            event => self.finished |= event.is_last(),
        }
        Some(event)
    }

    /// Nobody will read any more. Says which host calls to refuse and what credit to give back.
    pub(super) fn abandon(&mut self) -> (Vec<u32>, Vec<(u32, u32)>) {
        self.abandoned = true;
        self.events.clear();
        let mut due = Vec::new();
        for (stream, inbound) in &mut self.streams {
            inbound.stopped = true;
            let unread = inbound.window.unread();
            if let Ok(Some(credit)) = inbound.window.consume(unread) {
                due.push((*stream, credit));
            }
        }
        self.streams.retain(|_, inbound| !inbound.window.is_done());
        (self.waiting.drain().collect(), due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::MAX_LOG_TEXT;

    fn inbox() -> Inbox {
        Inbox::new(CallId(1), LinkLimits::default().with_max_host_calls(2))
    }

    fn record(len: usize) -> LogRecord {
        LogRecord { message: "x".repeat(len), ..LogRecord::default() }
    }

    #[test]
    fn logs_beyond_the_bound_are_counted_and_dropped() {
        let mut inbox = inbox();
        for _ in 0..MAX_UNREAD_EVENTS + 7 {
            inbox.log(record(1));
        }
        assert_eq!(inbox.n_dropped, 7);
        inbox.pop().unwrap();
        inbox.log(record(1));
        assert_eq!(inbox.n_dropped, 7, "reading makes room");
        let mut inbox = self::inbox();
        for _ in 0..=MAX_UNREAD_LOG_BYTES / MAX_LOG_TEXT {
            inbox.log(record(MAX_LOG_TEXT));
        }
        assert_eq!(inbox.n_dropped, 1);
    }

    #[test]
    fn unread_progress_is_replaced_by_newer() {
        let mut inbox = inbox();
        for step in 0..5_u8 {
            inbox.progress(Progress { fraction: Some(f32::from(step) / 8.0), note: String::new() });
        }
        let Some(CallEvent::Progress(progress)) = inbox.pop() else { panic!() };
        assert_eq!(progress.fraction, Some(0.5));
        assert_eq!(inbox.pop(), None);
    }

    #[test]
    fn a_stream_holds_its_slot_until_its_credit_went_back() {
        let mut inbox = inbox();
        for stream in 0..16 {
            inbox.data(stream, Bytes::from_static(b"x")).unwrap();
            inbox.end(stream, None).unwrap();
        }
        let err = inbox.data(16, Bytes::from_static(b"x")).unwrap_err();
        assert_eq!(err, Violation::TooManyStreams { call: CallId(1), limit: 16 });
        assert_eq!(inbox.consume(3, 64), Ok(Some(64)));
        inbox.data(16, Bytes::from_static(b"x")).unwrap();
    }

    #[test]
    fn streams_that_are_not_open_are_violations() {
        let mut inbox = inbox();
        assert!(matches!(
            inbox.data(1, Bytes::from_static(b"x")),
            Err(Violation::UnknownStream { stream: 1, .. })
        ));
        assert!(matches!(inbox.data(0, Bytes::new()), Err(Violation::EmptyData { .. })));
        inbox.end(0, None).unwrap();
        assert!(matches!(inbox.end(0, None), Err(Violation::UnknownStream { .. })));
        assert!(matches!(inbox.data(0, Bytes::from_static(b"x")), Err(Violation::UnknownStream { .. })));
    }

    #[test]
    fn host_calls_are_counted_and_bounded() {
        let mut inbox = inbox();
        let ask = |id| HostCall { id, ..HostCall::default() };
        inbox.host_call(ask(0), Bytes::new()).unwrap();
        assert!(matches!(
            inbox.host_call(ask(0), Bytes::new()),
            Err(Violation::HostCallOrder { expected: 1, .. })
        ));
        inbox.host_call(ask(1), Bytes::new()).unwrap();
        assert!(matches!(
            inbox.host_call(ask(2), Bytes::new()),
            Err(Violation::TooManyHostCalls { limit: 2, .. })
        ));
        assert!(inbox.answered(0));
        assert!(!inbox.answered(0));
    }

    #[test]
    fn payloads_of_host_calls_cannot_pile_up() {
        let mut inbox = Inbox::new(CallId(1), LinkLimits::default().with_max_payload(64 * 1024));
        let ask = |id| HostCall { id, ..HostCall::default() };
        let large = Bytes::from(vec![0; 60_000]);
        assert_eq!(inbox.host_call(ask(0), large.clone()), Ok(Answer::Nothing));
        assert_eq!(inbox.host_call(ask(1), large.clone()), Ok(Answer::RefuseFull));
        inbox.pop().unwrap();
        assert_eq!(inbox.host_call(ask(2), large), Ok(Answer::Nothing));
    }

    #[test]
    fn an_abandoned_call_gives_everything_back() {
        let mut inbox = inbox();
        inbox.data(0, Bytes::from(vec![0; 1000])).unwrap();
        inbox.host_call(HostCall::default(), Bytes::new()).unwrap();
        let (refused, due) = inbox.abandon();
        assert_eq!(refused, [0]);
        assert_eq!(due, [], "less than a quarter of the window is kept back");
        assert_eq!(
            inbox.host_call(HostCall { id: 1, ..HostCall::default() }, Bytes::new()),
            Ok(Answer::RefuseAbandoned)
        );
        let large = Bytes::from(vec![0; 65_536]);
        assert_eq!(inbox.data(0, large), Ok(Answer::Ack(Some(66_536))));
        assert_eq!(inbox.pop(), None);
    }
}
