//! The state of one call in the worker, shared by its handles and the router.
//! Once it is over nothing of it is sent any more; the locks here make that exact where the protocol needs it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::Instant;

use crate::error::SendError;
use crate::frame::{CallId, Cancel, HostReply};
use crate::limit::{LinkLimits, MAX_OPEN_STREAMS};
use crate::link::Ticket;
use crate::stream::{Inflow, InflowEnd, Outflow};

#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: CallId,
    pub(super) received: Instant,
    pub(super) started: OnceLock<Start>,
    pub(super) cancel: watch::Sender<Option<Cancel>>,
    pub(super) inputs: Vec<Arc<Inflow>>,
    outputs: Mutex<Outputs>,
    asked: Mutex<Asked>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) over: AtomicBool,
    pub(super) seq: AtomicU64,
    pub(super) n_dropped: AtomicU64,
}

/// When `Started` was queued, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) at: Instant,
    pub(super) ticket: Ticket,
}

#[derive(Debug, Default)]
struct Outputs {
    open: HashMap<u32, Arc<Outflow>>,
    next: u32,
    over: bool,
}

/// Host calls that wait for a reply.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) waiting: HashMap<u32, Waiter>,
    pub(super) next: u32,
    pub(super) over: bool,
}

/// Who waits. The slot is held until the reply came, even when nobody waits any more: the host counts it until then.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) answer: oneshot::Sender<(HostReply, Bytes)>,
    pub(super) _slot: OwnedSemaphorePermit,
}

impl Job {
    pub(super) fn new(id: CallId, n_inputs: u32, limits: &LinkLimits) -> Self {
        Self {
            id,
            received: Instant::now(),
            started: OnceLock::new(),
            cancel: watch::Sender::new(None),
            inputs: (0..n_inputs).map(|_| Arc::new(Inflow::new(limits.stream_window))).collect(),
            outputs: Mutex::default(),
            asked: Mutex::default(),
            slots: Arc::new(Semaphore::new(limits.max_host_calls as usize)),
            over: AtomicBool::new(false),
            seq: AtomicU64::new(0),
            n_dropped: AtomicU64::new(0),
        }
    }

    fn outputs(&self) -> MutexGuard<'_, Outputs> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for plain field access and a push into the outbox.
    pub(super) fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open_output(&self, window: u32) -> Result<(u32, Arc<Outflow>), SendError> {
        let mut outputs = self.outputs();
        if outputs.over {
            return Err(SendError::CallOver { call: self.id });
        }
        outputs.open.retain(|_, flow| !flow.is_done());
        if outputs.open.len() >= MAX_OPEN_STREAMS {
            return Err(SendError::TooManyStreams { limit: MAX_OPEN_STREAMS });
        }
        let stream = outputs.next;
        outputs.next += 1;
        let flow = Arc::new(Outflow::new(window));
        outputs.open.insert(stream, Arc::clone(&flow));
        Ok((stream, flow))
    }

    /// The stream of an ack or a drop; none when it is done, and the frame means nothing any more.
    pub(super) fn output(&self, stream: u32) -> Result<Option<Arc<Outflow>>, ()> {
        let outputs = self.outputs();
        match outputs.open.get(&stream) {
            Some(flow) => Ok(Some(Arc::clone(flow))),
            None if stream < outputs.next => Ok(None),
            None => Err(()),
        }
    }

    /// Wakes senders that wait for credit, so that they see that the link is gone.
    pub(super) fn wake_outputs(&self) {
        for flow in self.outputs().open.values() {
            flow.finish();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Ends everything of it: streams, host calls, logs. True the first time.
    pub(super) fn finish(&self) -> bool {
        let first = !self.over.swap(true, Ordering::AcqRel);
        let waiting = {
            let mut asked = self.asked();
            asked.over = true;
            std::mem::take(&mut asked.waiting)
        };
        drop(waiting);
        self.slots.close();
        let open = {
            let mut outputs = self.outputs();
            outputs.over = true;
            std::mem::take(&mut outputs.open)
        };
        for flow in open.values() {
            flow.finish();
        }
        for flow in &self.inputs {
            // The credit is owed to a call that has ended: nobody needs it.
            let _credit = flow.end(InflowEnd::Cut);
        }
        first
    }
}
