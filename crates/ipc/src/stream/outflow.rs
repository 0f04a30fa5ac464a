//! The state of a stream this side sends, shared between its sender and the link that reads acks.
//! It sends nothing itself; pushing happens under its lock, so that nothing of a stream follows its call's end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::SendWindow;

#[derive(Debug)]
pub(crate) struct Outflow {
    state: Mutex<OutflowState>,
    changed: Notify,
}

#[derive(Debug)]
pub(crate) struct OutflowState {
    pub(crate) window: SendWindow,
    /// The receiver wants no more.
    pub(crate) stopped: bool,
    /// The end was sent, or the call is over: nothing more may be sent.
    pub(crate) over: bool,
}

impl Outflow {
    pub(crate) fn new(limit: u32) -> Self {
        let state = OutflowState { window: SendWindow::new(limit), stopped: false, over: false };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// The state; held only for plain field access and a push into the outbox.
    pub(crate) fn lock(&self) -> MutexGuard<'_, OutflowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes credit from an ack; the error is the credit that was in use.
    pub(crate) fn give_back(&self, credit: u32) -> Result<(), u32> {
        self.lock().window.give_back(credit)?;
        self.changed.notify_one();
        Ok(())
    }

    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_one();
    }

    /// Ends it without a frame: the call is over or the link is gone.
    pub(crate) fn finish(&self) {
        self.lock().over = true;
        self.changed.notify_one();
    }

    /// Whether it ended and its credit came back, so that its slot is free.
    pub(crate) fn is_done(&self) -> bool {
        let state = self.lock();
        state.over && state.window.is_full()
    }

    /// Waits until there may be credit, or a reason to give up. There is one waiter: the sender, which is not shared.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
