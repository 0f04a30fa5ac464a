//! The worker's end: accepts what the host asks for.
//! When the last handle is gone the connection says goodbye by itself.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::route::WorkerRouter;
use super::state::Worker;
use super::{HealthProbe, Heartbeat, WorkerCall};
use crate::error::LinkError;
use crate::frame::{Drain, Frame, Goodbye, GoodbyeKind};
use crate::handshake::Session;
use crate::limit::LinkLimits;
use crate::link::{Core, Driver, LinkConfig};

/// The worker's end of a connection. There is one; what it accepts can go anywhere.
#[derive(Debug)]
pub struct WorkerEnd {
    closer: Arc<Closer>,
}

/// What a host asks for.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// Run a handler.
    Call(WorkerCall),
    /// Ask the plugin's health function.
    HealthCheck(HealthProbe),
    /// Finish what runs, take nothing new.
    Drain(Drain),
    /// The host goes; nothing more will come.
    Goodbye(Goodbye),
}

/// Says goodbye when the last handle is gone.
#[derive(Debug)]
pub(super) struct Closer {
    pub(super) worker: Arc<Worker>,
}

impl WorkerEnd {
    /// An end for a finished handshake, and the driver that moves its bytes.
    pub fn new<R, W>(session: Session<R, W>, config: LinkConfig) -> (Self, Driver<R, W>)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let Session { reader, writer, .. } = session;
        let writer = writer.with_write_stall(config.write_stall);
        let core = Arc::new(Core::new(writer.encoder()));
        let worker = Arc::new(Worker::new(Arc::clone(&core)));
        let driver = Driver::new(reader, writer, core, Arc::new(WorkerRouter(Arc::clone(&worker))));
        (Self { closer: Arc::new(Closer { worker }) }, driver)
    }

    fn worker(&self) -> &Arc<Worker> {
        &self.closer.worker
    }

    /// What the host asks for next, or none once the connection has ended and everything that came was accepted.
    /// Cancel-safe: an event is taken only when it is returned.
    pub async fn accept(&mut self) -> Option<WorkerEvent> {
        let worker = self.worker();
        loop {
            // Looked up before the queue: an end seen here is after every frame that was read.
            let ended = worker.core.cause().is_some();
            let event = worker.table().events.pop_front();
            match event {
                Some(WorkerEvent::Call(call)) => return Some(WorkerEvent::Call(call.held_by(&self.closer))),
                Some(event) => return Some(event),
                None if ended => return None,
                None => worker.arrived.notified().await,
            }
        }
    }

    /// A heartbeat for the scheduler of the handlers.
    pub fn heartbeat(&self) -> Heartbeat {
        Heartbeat { worker: Arc::clone(self.worker()) }
    }

    /// Says goodbye after everything queued was sent, and closes this direction; the driver ends soon after.
    pub fn goodbye(&self, kind: GoodbyeKind, reason: impl Into<String>) {
        self.closer.goodbye(Goodbye::new(kind, reason));
    }

    /// Waits for the end of the connection and says why it ended. Cancel-safe.
    pub async fn closed(&self) -> LinkError {
        self.worker().core.closed().await
    }

    /// Calls that have not ended.
    pub fn n_open(&self) -> usize {
        self.worker().table().open.len()
    }

    /// The limits of the connection.
    pub fn limits(&self) -> &LinkLimits {
        self.worker().core.limits()
    }
}

impl Drop for WorkerEnd {
    fn drop(&mut self) {
        // What nobody accepted is answered by its own drop, outside the table's lock.
        let events = std::mem::take(&mut self.worker().table().events);
        drop(events);
    }
}

impl Closer {
    fn goodbye(&self, goodbye: Goodbye) {
        let core = &self.worker.core;
        let sent = core.encode(Frame::connection(goodbye)).and_then(|frame| core.push(frame, None));
        if let Err(err) = sent {
            tracing::trace!(%err, "goodbye not sent");
        }
        core.close();
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.goodbye(Goodbye::new(GoodbyeKind::Done, ""));
    }
}
