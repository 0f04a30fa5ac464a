//! What every handle of a connection shares: the outgoing queue, the limits, and the first cause of death.
//! It knows no calls; those are in the routers of the two sides.

use std::sync::OnceLock;

use tokio::sync::watch;

use super::outbox::{Next, Outbox, Room, Ticket};
use crate::error::{LinkError, SendError};
use crate::frame::{CallId, Frame};
use crate::limit::LinkLimits;
use crate::writer::{Encoded, Encoder};

#[derive(Debug)]
pub(crate) struct Core {
    encoder: Encoder,
    outbox: Outbox,
    cause: OnceLock<LinkError>,
    dead: watch::Sender<bool>,
}

impl Core {
    pub(crate) fn new(encoder: Encoder) -> Self {
        Self { encoder, outbox: Outbox::new(), cause: OnceLock::new(), dead: watch::Sender::new(false) }
    }

    pub(crate) fn limits(&self) -> &LinkLimits {
        &self.encoder.limits
    }

    pub(crate) fn encode(&self, frame: Frame) -> Result<Encoded, SendError> {
        self.encoder.encode(frame)
    }

    /// Waits for room in the outgoing queue. Cancel-safe.
    pub(crate) async fn reserve(&self, frame: &Encoded) -> Result<Room, SendError> {
        self.outbox.reserve(frame).await.map_err(|_closed| self.gone())
    }

    /// Waits for room for a log record. Cancel-safe.
    pub(crate) async fn reserve_log(&self, frame: &Encoded) -> Result<Room, SendError> {
        self.outbox.reserve_log(frame).await.map_err(|_closed| self.gone())
    }

    pub(crate) fn try_reserve_log(&self, frame: &Encoded) -> Option<Room> {
        self.outbox.try_reserve_log(frame)
    }

    /// Queues a frame. Without room of its own it counts towards the bound on frames that nobody reads.
    pub(crate) fn push(&self, frame: Encoded, room: Option<Room>) -> Result<(), SendError> {
        let is_paid = room.is_some();
        self.outbox.push(frame, room).map_err(|_closed| self.gone())?;
        if !is_paid {
            self.die_if_overfull();
        }
        Ok(())
    }

    /// Queues a small frame in front of all bulk; one that comes too late is nobody's loss.
    pub(crate) fn urge(&self, frame: Frame) {
        match self.encode(frame).and_then(|encoded| self.urge_encoded(encoded)) {
            Ok(_) | Err(SendError::Link(_)) => {}
            Err(err) => tracing::debug!(%err, "urgent frame not sent"),
        }
    }

    /// Queues a small frame in front of all bulk; the ticket is for [`Core::written`].
    pub(crate) fn urge_encoded(&self, frame: Encoded) -> Result<Ticket, SendError> {
        let ticket = self.outbox.urge(frame).map_err(|_closed| self.gone())?;
        self.die_if_overfull();
        Ok(ticket)
    }

    /// Waits until the stream took an urgent frame, all its bytes. Cancel-safe.
    pub(crate) async fn written(&self, ticket: Ticket) -> Result<(), SendError> {
        tokio::select! {
            // Biased, because what was written stays written when the link dies afterwards.
            biased;
            () = self.outbox.written(ticket) => Ok(()),
            cause = self.closed() => Err(SendError::Link(cause)),
        }
    }

    /// Gives credit back to the sender of a stream.
    pub(crate) fn ack(&self, call: CallId, stream: u32, credit: Option<u32>) {
        if let Some(credit) = credit.filter(|credit| *credit > 0) {
            self.outbox.ack(call, stream, credit);
            self.die_if_overfull();
        }
    }

    pub(crate) fn withdraw(&self, call: CallId) -> bool {
        self.outbox.withdraw(call)
    }

    fn die_if_overfull(&self) {
        if self.outbox.is_overfull() {
            self.die(LinkError::Overfull { n_frames: self.outbox.n_unpaid() });
        }
    }

    /// Takes nothing more to send; what waits is written, then the writing half is closed.
    pub(crate) fn close(&self) {
        self.outbox.close();
    }

    pub(super) async fn next(&self) -> Next {
        self.outbox.next(self.encoder).await
    }

    pub(super) fn try_next(&self) -> Option<Next> {
        self.outbox.try_next(self.encoder)
    }

    /// The stream took everything that the driver took.
    pub(super) fn flushed(&self) {
        self.outbox.flushed();
    }

    /// Ends the link. The first cause stands.
    pub(crate) fn die(&self, cause: LinkError) {
        // A later cause is a consequence of the first one.
        drop(self.cause.set(cause));
        self.outbox.clear();
        self.dead.send_replace(true);
    }

    pub(crate) fn cause(&self) -> Option<LinkError> {
        self.cause.get().cloned()
    }

    /// Refuses when the link is dead.
    pub(crate) fn check(&self) -> Result<(), SendError> {
        self.cause().map_or(Ok(()), |cause| Err(SendError::Link(cause)))
    }

    /// Why nothing can be sent.
    fn gone(&self) -> SendError {
        SendError::Link(self.cause().unwrap_or(LinkError::ClosedHere))
    }

    /// Waits for the end and says why. Cancel-safe.
    pub(crate) async fn closed(&self) -> LinkError {
        let mut dead = self.dead.subscribe();
        // The sender lives in `self`, so that waiting cannot fail before the value is there.
        let _seen = dead.wait_for(|dead| *dead).await;
        self.cause().unwrap_or(LinkError::ClosedHere)
    }
}
