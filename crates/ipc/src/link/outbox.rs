//! What waits to be written, in two lanes: urgent frames pass bulk ones, and neither lane grows without bound.
//! It writes nothing; the driver takes from it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::frame::{Ack, CallId, Frame, Kind};
use crate::limit::{MAX_QUEUED, OUTGOING_BUDGET, OUTGOING_LOG_BUDGET};
use crate::writer::{Encoded, Encoder};

/// Room in the outgoing budget; it is free again when the frame is written or withdrawn.
pub(crate) type Room = OwnedSemaphorePermit;

/// The place of an urgent frame among all urgent ones. They are written in this order, so that one number says which
/// of them are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
pub(super) struct Outbox {
    lanes: Mutex<Lanes>,
    ready: Notify,
    /// The last urgent frame that the stream took, with all before it.
    written: watch::Sender<Ticket>,
    budget: Arc<Semaphore>,
    log_budget: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Lanes {
    urgent: VecDeque<(Ticket, Encoded)>,
    /// The last ticket given out.
    urged: Ticket,
    /// The last ticket whose frame the driver took.
    taken: Ticket,
    /// Credit to give back, added up per stream.
    acks: VecDeque<(CallId, Ack)>,
    bulk: VecDeque<(Encoded, Option<Room>)>,
    /// Bulk frames without room of their own.
    n_unpaid: usize,
    closing: bool,
}

/// What the driver gets.
#[derive(Debug)]
pub(super) enum Next {
    Frame(Encoded, Option<Room>),
    /// Everything was written and nothing more will come.
    Closed,
}

/// The queue is closed.
#[derive(Debug)]
pub(super) struct OutboxClosed;

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            lanes: Mutex::default(),
            ready: Notify::new(),
            written: watch::Sender::default(),
            budget: Arc::new(Semaphore::new(OUTGOING_BUDGET as usize)),
            log_budget: Arc::new(Semaphore::new(OUTGOING_LOG_BUDGET as usize)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for a frame. Cancel-safe; waiters are served in order.
    pub(super) async fn reserve(&self, frame: &Encoded) -> Result<Room, OutboxClosed> {
        let cost = frame.cost(OUTGOING_BUDGET);
        Arc::clone(&self.budget).acquire_many_owned(cost).await.map_err(|_closed| OutboxClosed)
    }

    /// Waits for room for a log record. Cancel-safe; waiters are served in order.
    pub(super) async fn reserve_log(&self, frame: &Encoded) -> Result<Room, OutboxClosed> {
        let cost = frame.cost(OUTGOING_LOG_BUDGET);
        Arc::clone(&self.log_budget).acquire_many_owned(cost).await.map_err(|_closed| OutboxClosed)
    }

    /// Room for a log record, if there is some now.
    pub(super) fn try_reserve_log(&self, frame: &Encoded) -> Option<Room> {
        Arc::clone(&self.log_budget).try_acquire_many_owned(frame.cost(OUTGOING_LOG_BUDGET)).ok()
    }

    /// Queues a frame behind those before it.
    pub(super) fn push(&self, frame: Encoded, room: Option<Room>) -> Result<(), OutboxClosed> {
        let mut lanes = self.lock();
        if lanes.closing {
            return Err(OutboxClosed);
        }
        lanes.n_unpaid += usize::from(room.is_none());
        lanes.bulk.push_back((frame, room));
        self.ready.notify_one();
        Ok(())
    }

    /// Queues a frame in front of all bulk; the ticket is for [`Outbox::written`].
    pub(super) fn urge(&self, frame: Encoded) -> Result<Ticket, OutboxClosed> {
        let mut lanes = self.lock();
        if lanes.closing {
            return Err(OutboxClosed);
        }
        lanes.urged.0 += 1;
        let ticket = lanes.urged;
        lanes.urgent.push_back((ticket, frame));
        self.ready.notify_one();
        Ok(ticket)
    }

    /// The stream took everything that was taken from here.
    pub(super) fn flushed(&self) {
        let taken = self.lock().taken;
        self.written.send_if_modified(|written| {
            let more = taken > *written;
            if more {
                *written = taken;
            }
            more
        });
    }

    /// Waits until the stream took the frame; for ever when the link dies before. Cancel-safe.
    pub(super) async fn written(&self, ticket: Ticket) {
        let mut written = self.written.subscribe();
        // The sender lives in `self`, so that waiting cannot fail before the value is there.
        let _seen = written.wait_for(|written| *written >= ticket).await;
    }

    /// Queues credit in front of all bulk; what waits for the same stream already is added to.
    pub(super) fn ack(&self, call: CallId, stream: u32, credit: u32) {
        let mut lanes = self.lock();
        if lanes.closing {
            return;
        }
        match lanes.acks.iter_mut().find(|(id, ack)| *id == call && ack.stream == stream) {
            Some((_, ack)) => ack.credit += credit,
            None => lanes.acks.push_back((call, Ack { stream, credit })),
        }
        self.ready.notify_one();
    }

    /// How many frames wait that have no room of their own.
    pub(super) fn n_unpaid(&self) -> usize {
        let lanes = self.lock();
        lanes.n_unpaid + lanes.urgent.len() + lanes.acks.len()
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.n_unpaid() > MAX_QUEUED
    }

    /// Takes back a call that was not written yet, with everything of it; false when it was.
    pub(super) fn withdraw(&self, call: CallId) -> bool {
        let mut lanes = self.lock();
        let waits = lanes.bulk.iter().any(|(frame, _)| frame.call == call && frame.kind == Kind::Call);
        if waits {
            let n_unpaid =
                lanes.bulk.iter().filter(|(frame, room)| frame.call == call && room.is_none()).count();
            lanes.n_unpaid -= n_unpaid;
            lanes.bulk.retain(|(frame, _)| frame.call != call);
            lanes.urgent.retain(|(_, frame)| frame.call != call);
            lanes.acks.retain(|(id, _)| *id != call);
        }
        waits
    }

    /// Takes nothing more; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.budget.close();
        self.log_budget.close();
        self.ready.notify_one();
    }

    /// Throws everything away: the link is dead.
    pub(super) fn clear(&self) {
        self.close();
        let mut lanes = self.lock();
        let dropped = std::mem::replace(&mut *lanes, Lanes { closing: true, ..Lanes::default() });
        // Dropping a large queue takes a while; nobody needs to wait for it.
        drop(lanes);
        drop(dropped);
    }

    /// The next frame to write. Cancel-safe: a frame is taken only when it is returned.
    pub(super) async fn next(&self, encoder: Encoder) -> Next {
        loop {
            if let Some(next) = self.try_next(encoder) {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// The next frame to write, if one waits.
    pub(super) fn try_next(&self, encoder: Encoder) -> Option<Next> {
        let mut lanes = self.lock();
        if let Some((ticket, frame)) = lanes.urgent.pop_front() {
            lanes.taken = ticket;
            return Some(Next::Frame(frame, None));
        }
        if let Some((call, ack)) = lanes.acks.pop_front() {
            let frame = encoder.encode(Frame::bare(call, ack)).expect("two integers fit every bound");
            return Some(Next::Frame(frame, None));
        }
        if let Some((frame, room)) = lanes.bulk.pop_front() {
            lanes.n_unpaid -= usize::from(room.is_none());
            return Some(Next::Frame(frame, room));
        }
        lanes.closing.then_some(Next::Closed)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::CodecKind;
    use crate::frame::{Call, Cancel, CancelKind, Data, Ping};
    use crate::limit::LinkLimits;

    fn encoder() -> Encoder {
        Encoder { codec: CodecKind::Bincode, limits: LinkLimits::default() }
    }

    fn encoded(frame: Frame) -> Encoded {
        encoder().encode(frame).unwrap()
    }

    fn drained(outbox: &Outbox) -> Vec<(u64, Kind)> {
        std::iter::from_fn(|| match outbox.try_next(encoder())? {
            Next::Frame(frame, _room) => Some((frame.call.0, frame.kind)),
            Next::Closed => None,
        })
        .collect()
    }

    fn data(call: u64) -> Encoded {
        encoded(Frame::new(CallId(call), Data { stream: 0 }, Bytes::from_static(b"x")))
    }

    #[test]
    fn urgent_frames_pass_bulk_and_credit_is_added_up() {
        let outbox = Outbox::new();
        outbox.push(data(1), None).unwrap();
        outbox.ack(CallId(1), 0, 5);
        outbox.ack(CallId(1), 0, 7);
        let cancel = Cancel::new(CancelKind::Caller, "", std::time::Duration::ZERO);
        outbox.urge(encoded(Frame::bare(CallId(1), cancel))).unwrap();
        assert_eq!(outbox.n_unpaid(), 3);
        assert_eq!(drained(&outbox), [(1, Kind::Cancel), (1, Kind::Ack), (1, Kind::Data)]);
        assert_eq!(outbox.n_unpaid(), 0);
    }

    #[test]
    fn a_call_not_written_yet_is_withdrawn_with_all_of_it() {
        let outbox = Outbox::new();
        for call in [1, 2] {
            outbox.push(encoded(Frame::bare(CallId(call), Call::default())), None).unwrap();
            outbox.push(data(call), None).unwrap();
        }
        assert!(outbox.withdraw(CallId(1)));
        assert!(!outbox.withdraw(CallId(1)));
        assert_eq!(drained(&outbox), [(2, Kind::Call), (2, Kind::Data)]);
    }

    #[test]
    fn a_closed_outbox_writes_what_waits_and_takes_no_more() {
        let outbox = Outbox::new();
        outbox.push(data(1), None).unwrap();
        outbox.close();
        outbox.push(data(2), None).unwrap_err();
        assert_eq!(drained(&outbox), [(1, Kind::Data)]);
        assert!(matches!(outbox.try_next(encoder()), Some(Next::Closed)));
    }

    fn ping() -> Encoded {
        encoded(Frame::connection(Ping { nonce: 0 }))
    }

    fn is_written(outbox: &Outbox, ticket: Ticket) -> bool {
        *outbox.written.borrow() >= ticket
    }

    #[test]
    fn a_frame_is_written_when_what_was_taken_is_flushed_and_not_before() {
        let outbox = Outbox::new();
        let (first, second) = (outbox.urge(ping()).unwrap(), outbox.urge(ping()).unwrap());
        outbox.flushed();
        assert!(!is_written(&outbox, first), "nothing was taken");
        assert!(outbox.try_next(encoder()).is_some());
        assert!(!is_written(&outbox, first), "what was taken was not flushed");
        outbox.flushed();
        assert!(is_written(&outbox, first) && !is_written(&outbox, second));
    }

    #[test]
    fn a_withdrawn_frame_does_not_pass_for_another_one() {
        let outbox = Outbox::new();
        outbox.push(encoded(Frame::bare(CallId(1), Call::default())), None).unwrap();
        let ahead = outbox.urge(ping()).unwrap();
        let cancel = Cancel::new(CancelKind::Caller, "", std::time::Duration::ZERO);
        outbox.urge(encoded(Frame::bare(CallId(1), cancel))).unwrap();
        let behind = outbox.urge(ping()).unwrap();
        assert!(outbox.withdraw(CallId(1)));
        outbox.flushed();
        assert!(!is_written(&outbox, ahead));
        assert!(outbox.try_next(encoder()).is_some());
        outbox.flushed();
        assert!(is_written(&outbox, ahead) && !is_written(&outbox, behind));
    }

    #[test]
    fn a_cleared_outbox_takes_back_nothing_that_was_written() {
        let outbox = Outbox::new();
        let ticket = outbox.urge(ping()).unwrap();
        assert!(outbox.try_next(encoder()).is_some());
        outbox.flushed();
        outbox.clear();
        outbox.flushed();
        assert!(is_written(&outbox, ticket));
    }

    #[tokio::test]
    async fn a_frame_above_the_budget_takes_all_of_it() {
        let outbox = Outbox::new();
        let large = encoded(Frame::new(CallId(1), Data { stream: 0 }, Bytes::from(vec![0; 4 * 1024 * 1024])));
        let room = outbox.reserve(&large).await.unwrap();
        assert_eq!(outbox.budget.available_permits(), 0);
        assert!(outbox.try_reserve_log(&data(1)).is_some(), "logs have a budget of their own");
        drop(room);
        assert!(outbox.reserve(&data(1)).await.is_ok());
    }
}
