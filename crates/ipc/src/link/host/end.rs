//! The host's end: makes calls, asks whether the worker is there, and says goodbye.
//! When the last handle is gone the connection says goodbye by itself.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::HostCallHandle;
use super::state::Host;
use crate::error::{LinkError, SendError};
use crate::frame::{Call, CallId, Drain, Frame, Goodbye, GoodbyeKind, HealthCheck, HealthReport, Ping, Pong};
use crate::handshake::Session;
use crate::limit::LinkLimits;
use crate::link::{Core, Driver, LinkConfig, Router};

/// The host's end of a connection. Clones share it.
#[derive(Debug, Clone)]
pub struct HostEnd {
    closer: Arc<Closer>,
}

/// Says goodbye when the last handle is gone.
#[derive(Debug)]
pub(super) struct Closer {
    pub(super) host: Arc<Host>,
}

/// What a call begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallStart {
    /// Handler, descriptor, deadline.
    pub call: Call,
    /// The input.
    pub input: Bytes,
}

impl HostEnd {
    /// An end for a finished handshake, and the driver that moves its bytes.
    pub fn new<R, W>(session: Session<R, W>, config: LinkConfig) -> (Self, Driver<R, W>)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let Session { reader, writer, .. } = session;
        let writer = writer.with_write_stall(config.write_stall);
        let core = Arc::new(Core::new(writer.encoder()));
        let host = Arc::new(Host::new(Arc::clone(&core)));
        let driver = Driver::new(reader, writer, core, Arc::clone(&host) as Arc<dyn Router>);
        (Self { closer: Arc::new(Closer { host }) }, driver)
    }

    fn host(&self) -> &Host {
        &self.closer.host
    }

    /// Makes a call. Waits while the outgoing queue is full. Cancel-safe: dropped midway, no call was made.
    ///
    /// # Errors
    /// A bound (payload, meta, open calls) or the end of the connection.
    pub async fn call(&self, start: CallStart) -> Result<HostCallHandle, SendError> {
        let n_inputs = start.call.n_input_streams;
        let core = &self.host().core;
        // The id is not known before there is room: ids go out in order.
        let mut frame = core.encode(Frame::new(CallId(1), start.call, start.input))?;
        let room = core.reserve(&frame).await?;
        let state = self.host().open(n_inputs, |id| {
            frame.set_call(id);
            core.push(frame, Some(room))
        })?;
        Ok(HostCallHandle::new(Arc::clone(&self.closer), state))
    }

    /// Asks whether the worker is there; its link answers, whatever its handlers do. Waits for ever: bound it.
    ///
    /// # Errors
    /// Too many unanswered, or the end of the connection.
    pub async fn ping(&self) -> Result<Pong, SendError> {
        let host = self.host();
        let (nonce, answered) = host.probes.lock().unwrap_or_else(PoisonError::into_inner).ping()?;
        host.core.check()?;
        host.core.urge(Frame::connection(Ping { nonce }));
        answered.await.map_err(|_gone| self.gone())
    }

    /// Asks the plugin's own health function. Waits for ever: bound it.
    ///
    /// # Errors
    /// Too many unanswered, or the end of the connection.
    pub async fn health(&self) -> Result<HealthReport, SendError> {
        let host = self.host();
        let (nonce, answered) = host.probes.lock().unwrap_or_else(PoisonError::into_inner).check()?;
        host.core.check()?;
        host.core.urge(Frame::connection(HealthCheck { nonce }));
        answered.await.map_err(|_gone| self.gone())
    }

    fn gone(&self) -> SendError {
        SendError::Link(self.host().core.cause().unwrap_or(LinkError::ClosedHere))
    }

    /// Tells the worker to finish what runs and to take nothing new, within the time given.
    pub fn drain(&self, within: Option<Duration>) {
        let deadline_us = within.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        self.host().core.urge(Frame::connection(Drain { deadline_us }));
    }

    /// Says goodbye after everything queued was sent, and closes this direction. What the worker still sends is read for
    /// [`LAST_WORDS`](crate::limit::LAST_WORDS); then the driver ends.
    pub fn goodbye(&self, kind: GoodbyeKind, reason: impl Into<String>) {
        self.closer.goodbye(Goodbye::new(kind, reason));
    }

    /// Ends the connection now, whatever is queued or running.
    pub fn abort(&self) {
        self.host().core.die(LinkError::ClosedHere);
    }

    /// Waits for the end of the connection and says why it ended. Cancel-safe.
    pub async fn closed(&self) -> LinkError {
        self.host().core.closed().await
    }

    /// The worker's goodbye, as soon as it said one.
    pub fn worker_goodbye(&self) -> watch::Receiver<Option<Goodbye>> {
        self.host().goodbye.subscribe()
    }

    /// Calls that the worker has not ended, abandoned ones included.
    pub fn n_open(&self) -> usize {
        self.host().n_open()
    }

    /// Frames that came after the end of their call and were ignored.
    pub fn n_late(&self) -> u64 {
        self.host().n_late.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The limits of the connection.
    pub fn limits(&self) -> &LinkLimits {
        self.host().core.limits()
    }
}

impl Closer {
    fn goodbye(&self, goodbye: Goodbye) {
        let core = &self.host.core;
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
