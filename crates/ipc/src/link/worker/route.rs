//! Delivers a host's frames to the calls they belong to.
//! Frames for a call that has ended here crossed with its end, and are ignored.

use std::sync::Arc;

use bytes::Bytes;
use plugdock_contracts::ErrorCode;

use super::end::WorkerEvent;
use super::job::Job;
use super::state::{Found, Worker};
use super::{HealthProbe, WorkerCall};
use crate::convert::report;
use crate::error::Violation;
use crate::frame::{Ack, Body, Call, CallId, Data, Frame, HealthCheck, HostReply, Kind, ReplyOutcome};
use crate::limit::MAX_PROBES;
use crate::link::Router;
use crate::prelude::Side;
use crate::reader::Incoming;
use crate::stream::InflowEnd;

/// The router holds the worker it routes for, so that what it hands out can hold it too.
#[derive(Debug)]
pub(super) struct WorkerRouter(pub(super) Arc<Worker>);

impl Router for WorkerRouter {
    fn route(&self, incoming: Incoming) -> Result<(), Violation> {
        match incoming {
            Incoming::Frame(frame) => self.route_frame(frame),
            Incoming::Oversized { frame, payload_len, limit } => {
                self.route_oversized(frame, payload_len, limit)
            }
        }
    }

    fn may_finish(&self) -> bool {
        // A host that said goodbye takes the results of what runs, for as long as it gives last words.
        self.0.table().said_goodbye
    }

    fn died(&self) {
        let jobs: Vec<_> = self.0.table().open.values().cloned().collect();
        for job in jobs {
            job.asked().waiting.clear();
            for flow in &job.inputs {
                let _credit = flow.end(InflowEnd::Cut);
            }
            job.wake_outputs();
        }
        self.0.arrived.notify_one();
    }
}

impl WorkerRouter {
    fn route_frame(&self, frame: Frame) -> Result<(), Violation> {
        let (kind, id) = (frame.kind(), frame.call);
        if self.0.table().said_goodbye {
            return Err(Violation::AfterGoodbye { kind });
        }
        match frame.body {
            Body::Call(call) => self.route_call(id, *call, frame.payload),
            Body::Ping(ping) => {
                self.0.pong(ping.nonce);
                Ok(())
            }
            Body::HealthCheck(check) => self.route_check(*check),
            Body::Drain(drain) => {
                self.0.arrive(WorkerEvent::Drain(*drain));
                Ok(())
            }
            Body::Goodbye(goodbye) => {
                self.0.table().said_goodbye = true;
                self.0.arrive(WorkerEvent::Goodbye(*goodbye));
                Ok(())
            }
            body => match self.0.find(id) {
                _ if id == CallId::CONNECTION => Err(Violation::Unexpected { kind, side: Side::Worker }),
                Found::Open(job) => self.route_open(&job, body, frame.payload),
                Found::Ended => Ok(()),
                Found::Never => Err(Violation::UnknownCall { kind, call: id }),
            },
        }
    }

    fn route_call(&self, id: CallId, call: Call, input: Bytes) -> Result<(), Violation> {
        self.0.admit(id)?;
        let job = Arc::new(Job::new(id, call.n_input_streams, self.0.core.limits()));
        self.0.table().open.insert(id, Arc::clone(&job));
        let call = WorkerCall::new(Arc::clone(&self.0), job, call, input);
        self.0.arrive(WorkerEvent::Call(call));
        Ok(())
    }

    fn route_check(&self, HealthCheck { nonce }: HealthCheck) -> Result<(), Violation> {
        let mut table = self.0.table();
        if table.n_checks >= MAX_PROBES {
            return Err(Violation::TooManyProbes { kind: Kind::HealthCheck, limit: MAX_PROBES });
        }
        table.n_checks += 1;
        drop(table);
        self.0.arrive(WorkerEvent::HealthCheck(HealthProbe::new(Arc::clone(&self.0), nonce)));
        Ok(())
    }

    fn route_open(&self, job: &Job, body: Body, payload: Bytes) -> Result<(), Violation> {
        let (kind, call) = (body.kind(), job.id);
        match body {
            Body::Cancel(cancel) => {
                job.cancel.send_if_modified(|current| {
                    let first = current.is_none();
                    current.get_or_insert(*cancel);
                    first
                });
                Ok(())
            }
            Body::Data(data) => {
                let Data { stream } = *data;
                let flow = job.inputs.get(stream as usize).filter(|flow| !flow.is_ended());
                let flow = flow.ok_or(Violation::UnknownStream { kind, call, stream })?;
                if payload.is_empty() {
                    return Err(Violation::EmptyData { call, stream });
                }
                let cost = crate::stream::cost(payload.len()).into();
                let beyond = |left: u32| Violation::BeyondCredit { call, stream, cost, left: left.into() };
                let credit = flow.receive(payload).map_err(beyond)?;
                self.0.core.ack(call, stream, credit);
                Ok(())
            }
            Body::End(end) => {
                let stream = end.stream;
                let flow = job.inputs.get(stream as usize).filter(|flow| !flow.is_ended());
                let flow = flow.ok_or(Violation::UnknownStream { kind, call, stream })?;
                let credit = flow.end(end.aborted.map_or(InflowEnd::Complete, InflowEnd::Aborted));
                self.0.core.ack(call, stream, credit);
                Ok(())
            }
            Body::Ack(ack) => {
                let Ack { stream, credit } = *ack;
                let found =
                    job.output(stream).map_err(|()| Violation::UnknownStream { kind, call, stream })?;
                let given = found.map_or(Ok(()), |flow| flow.give_back(credit));
                given.map_err(|used| Violation::AckOverflow { call, stream, credit, used: used.into() })
            }
            Body::Drop(stop) => {
                let stream = stop.stream;
                let found =
                    job.output(stream).map_err(|()| Violation::UnknownStream { kind, call, stream })?;
                if let Some(flow) = found {
                    flow.stop();
                }
                Ok(())
            }
            Body::HostReply(reply) => route_reply(job, *reply, payload),
            _ => Err(Violation::Unexpected { kind, side: Side::Worker }),
        }
    }

    fn route_oversized(&self, frame: Frame, len: u32, limit: u32) -> Result<(), Violation> {
        let (kind, call) = (frame.kind(), frame.call);
        let message = format!("payload of {len} bytes is above the limit of {limit}");
        let too_large = report(ErrorCode::PayloadTooLarge, message);
        match (frame.body, self.0.find(call)) {
            (Body::Call(_), _) => {
                self.0.admit(call)?;
                self.0.fail(call, too_large);
                Ok(())
            }
            (Body::HostReply(reply), Found::Open(job)) => {
                let outcome = ReplyOutcome::Err(Box::new(too_large));
                route_reply(&job, HostReply { id: reply.id, outcome }, Bytes::new())
            }
            (Body::HostReply(_), Found::Ended) => Ok(()),
            _ => Err(Violation::Oversized { kind, call, len, limit }),
        }
    }
}

fn route_reply(job: &Job, reply: HostReply, payload: Bytes) -> Result<(), Violation> {
    let (call, id) = (job.id, reply.id);
    let mut asked = job.asked();
    let Some(waiter) = asked.waiting.remove(&id) else {
        // The job may have ended a moment ago, on another thread.
        return if asked.over { Ok(()) } else { Err(Violation::NotAsked { call, id }) };
    };
    drop(asked);
    // Whoever asked may have stopped waiting; the answer is nobody's then, and the slot is free again.
    drop(waiter.answer.send((reply, payload)));
    Ok(())
}
