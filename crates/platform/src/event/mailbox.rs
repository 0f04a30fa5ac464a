//! The queue between publishers and one subscriber: bounded, dropping the oldest, with one waiting reader.
//! It knows no topics; what belongs into it is decided before.

use std::sync::{Mutex, MutexGuard, PoisonError};

use plugdock_contracts::service::EventMessage;
use tokio::sync::Notify;

use crate::ring::BoundedRing;

/// A bounded queue with one reader.
#[derive(Debug)]
pub(super) struct Mailbox {
    slot: Mutex<Slot>,
    arrived: Notify,
}

#[derive(Debug)]
struct Slot {
    waiting: BoundedRing<EventMessage>,
    closed: bool,
}

impl Mailbox {
    pub(super) fn new(max_messages: usize, max_bytes: usize) -> Self {
        let slot = Slot { waiting: BoundedRing::new(max_messages, max_bytes), closed: false };
        Self { slot: Mutex::new(slot), arrived: Notify::new() }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message in, in place of the oldest if there is no room.
    pub(super) fn deliver(&self, message: EventMessage) {
        let bytes = message.topic.len() + message.body.len();
        self.slot().waiting.push(message, bytes);
        self.arrived.notify_one();
    }

    /// No more messages come; those that are there can still be read.
    pub(super) fn close(&self) {
        self.slot().closed = true;
        self.arrived.notify_one();
    }

    /// The next message with how many were lost before it, or `None` after the last. Cancel safe; for one reader.
    pub(super) async fn next(&self) -> Option<EventMessage> {
        loop {
            {
                let mut slot = self.slot();
                if let Some(mut message) = slot.waiting.pop() {
                    message.dropped = slot.waiting.take_dropped();
                    return Some(message);
                }
                if slot.closed {
                    return None;
                }
            }
            // A notification that came since the look above is kept, so none is missed.
            self.arrived.notified().await;
        }
    }
}
