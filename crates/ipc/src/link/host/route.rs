//! Delivers a worker's frames to the calls they belong to, and names every one that the protocol forbids.
//! It never waits: what a worker may send unasked is bounded by credit, by count, or dropped and counted.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use plugdock_contracts::ErrorCode;

use super::CallEvent;
use super::inbox::Answer;
use super::state::{CallState, Found, Host};
use crate::convert::report;
use crate::error::Violation;
use crate::frame::{Ack, Body, Frame, HostCall, Kind, Scope};
use crate::link::Router;
use crate::prelude::Side;
use crate::reader::Incoming;

impl Router for Host {
    fn route(&self, incoming: Incoming) -> Result<(), Violation> {
        let frame = match &incoming {
            Incoming::Frame(frame) | Incoming::Oversized { frame, .. } => frame,
        };
        let (kind, call) = (frame.kind(), frame.call);
        if self.goodbye.borrow().is_some() {
            return Err(Violation::AfterGoodbye { kind });
        }
        match (incoming, kind.scope()) {
            (Incoming::Frame(frame), Scope::Connection) => self.route_connection(frame),
            (incoming, _) => match self.find(call) {
                Found::Open(state) => self.route_open(&state, incoming),
                Found::Ended => self.route_ended(frame_of(incoming)),
                Found::Never => Err(Violation::UnknownCall { kind, call }),
            },
        }
    }

    fn may_finish(&self) -> bool {
        // A worker that closed has ended every call it meant to end: there is nothing to tell it.
        false
    }

    fn died(&self) {
        for state in self.all() {
            for flow in &state.inputs {
                flow.finish();
            }
            state.ready.notify_one();
        }
        self.probes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn frame_of(incoming: Incoming) -> Frame {
    match incoming {
        Incoming::Frame(frame) | Incoming::Oversized { frame, .. } => frame,
    }
}

impl Host {
    fn route_connection(&self, frame: Frame) -> Result<(), Violation> {
        match frame.body {
            Body::Pong(pong) => self.probes.lock().unwrap_or_else(PoisonError::into_inner).pong(*pong),
            Body::HealthReport(report) => {
                self.probes.lock().unwrap_or_else(PoisonError::into_inner).report(*report)
            }
            Body::Goodbye(goodbye) => {
                self.goodbye.send_replace(Some(*goodbye));
                Ok(())
            }
            body => Err(Violation::Unexpected { kind: body.kind(), side: Side::Host }),
        }
    }

    fn route_open(&self, state: &Arc<CallState>, incoming: Incoming) -> Result<(), Violation> {
        match incoming {
            Incoming::Frame(Frame { body, payload, .. }) => self.route_call(state, body, payload)?,
            Incoming::Oversized { frame, payload_len, limit } => {
                self.route_oversized(state, frame.body, payload_len, limit)?;
            }
        }
        state.ready.notify_one();
        Ok(())
    }

    fn route_call(&self, state: &Arc<CallState>, body: Body, payload: Bytes) -> Result<(), Violation> {
        let call = state.id;
        match body {
            Body::Started(started) => state.inbox().started(started.waited_us),
            Body::Log(record) => {
                state.inbox().log(*record);
                Ok(())
            }
            Body::Progress(progress) => {
                state.inbox().progress(*progress);
                Ok(())
            }
            Body::Data(data) => {
                let answer = state.inbox().data(data.stream, payload)?;
                self.answer(state, data.stream, &answer);
                Ok(())
            }
            Body::End(end) => {
                let answer = state.inbox().end(end.stream, end.aborted)?;
                self.answer(state, end.stream, &answer);
                Ok(())
            }
            Body::Ack(ack) => route_ack(state, *ack),
            Body::Drop(stop) => {
                let unknown = Violation::UnknownStream { kind: Kind::Drop, call, stream: stop.stream };
                state.inputs.get(stop.stream as usize).ok_or(unknown)?.stop();
                Ok(())
            }
            Body::HostCall(request) => self.route_host_call(state, *request, payload),
            Body::Reply(reply) => {
                let (content_type, usage) = (reply.content_type, reply.usage);
                self.end_call(state, CallEvent::Reply { content_type, usage, payload });
                Ok(())
            }
            Body::Error(report) => {
                self.end_call(state, CallEvent::Error(report));
                Ok(())
            }
            body => Err(Violation::Unexpected { kind: body.kind(), side: Side::Host }),
        }
    }

    fn route_host_call(&self, state: &CallState, request: HostCall, payload: Bytes) -> Result<(), Violation> {
        let id = request.id;
        let answer = state.inbox().host_call(request, payload)?;
        self.answer(state, id, &answer);
        Ok(())
    }

    /// Sends what the inbox asks for; `id` is that of the stream or of the host call.
    fn answer(&self, state: &CallState, id: u32, answer: &Answer) {
        match answer {
            Answer::Nothing => {}
            Answer::Ack(credit) => self.core.ack(state.id, id, *credit),
            Answer::RefuseAbandoned => {
                self.refuse(state.id, id, report(ErrorCode::Aborted, "nobody waits for this call any more"));
            }
            Answer::RefuseFull => {
                let message = "the payloads of earlier host calls are still unread";
                self.refuse(state.id, id, report(ErrorCode::ResourceExhausted, message));
            }
        }
    }

    fn end_call(&self, state: &CallState, event: CallEvent) {
        self.close(state);
        state.inbox().push(event);
    }

    fn route_oversized(&self, state: &CallState, body: Body, len: u32, limit: u32) -> Result<(), Violation> {
        match body {
            Body::Reply(_) => self.end_call(state, CallEvent::TooLarge { len, limit }),
            Body::HostCall(request) => {
                state.inbox().count_host_call(request.id)?;
                let message = format!("payload of {len} bytes is above the limit of {limit}");
                self.refuse(state.id, request.id, report(ErrorCode::PayloadTooLarge, message));
            }
            body => return Err(Violation::Oversized { kind: body.kind(), call: state.id, len, limit }),
        }
        Ok(())
    }

    /// A frame that crossed with the end of its call, or one that must not come.
    fn route_ended(&self, frame: Frame) -> Result<(), Violation> {
        let (kind, call) = (frame.kind(), frame.call);
        match frame.body {
            Body::Log(_) | Body::Progress(_) | Body::Ack(_) | Body::Drop(_) => {
                self.count_late();
                Ok(())
            }
            Body::HostCall(request) => {
                self.count_late();
                self.refuse(call, request.id, report(ErrorCode::Aborted, "the call has ended"));
                Ok(())
            }
            _ => Err(Violation::AfterEnd { kind, call }),
        }
    }
}

fn route_ack(state: &CallState, Ack { stream, credit }: Ack) -> Result<(), Violation> {
    let call = state.id;
    let unknown = Violation::UnknownStream { kind: Kind::Ack, call, stream };
    let flow = state.inputs.get(stream as usize).ok_or(unknown)?;
    flow.give_back(credit).map_err(|used| Violation::AckOverflow { call, stream, credit, used: used.into() })
}
