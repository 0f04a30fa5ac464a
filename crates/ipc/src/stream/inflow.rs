//! The state of a stream this side receives into its own queue, shared between its receiver and the link.
//! What it holds is bounded by the credit it gave.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{ReceiveWindow, cost};

#[derive(Debug)]
pub(crate) struct Inflow {
    state: Mutex<InflowState>,
    changed: Notify,
}

#[derive(Debug)]
struct InflowState {
    window: ReceiveWindow,
    chunks: VecDeque<Bytes>,
    end: Option<InflowEnd>,
    /// The receiver is gone: what comes is given back at once.
    stopped: bool,
}

impl InflowState {
    /// Notes that chunks were used; a call that has ended is owed nothing.
    fn consume(&mut self, credit: u32) -> Option<u32> {
        let due = self.window.consume(credit).unwrap_or(None);
        due.filter(|_| self.end != Some(InflowEnd::Cut))
    }
}

/// How a stream came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InflowEnd {
    Complete,
    Aborted(String),
    /// The call or the link ended before the stream.
    Cut,
}

/// What the receiver finds.
#[derive(Debug)]
pub(crate) enum Taken {
    Chunk(Bytes, Option<u32>),
    End(InflowEnd),
    Nothing,
}

impl Inflow {
    pub(crate) fn new(limit: u32) -> Self {
        let window = ReceiveWindow::new(limit);
        let state = InflowState { window, chunks: VecDeque::new(), end: None, stopped: false };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, InflowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the sender ended it.
    pub(crate) fn is_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// Takes a chunk from the link; says what to ack at once, or the credit that was left when it was too much.
    pub(crate) fn receive(&self, chunk: Bytes) -> Result<Option<u32>, u32> {
        let cost = cost(chunk.len());
        let mut state = self.lock();
        state.window.receive(cost)?;
        if state.stopped {
            return state.window.consume(cost);
        }
        state.chunks.push_back(chunk);
        self.changed.notify_one();
        Ok(None)
    }

    /// Notes the end; the first one stands. Says what to ack.
    pub(crate) fn end(&self, end: InflowEnd) -> Option<u32> {
        let mut state = self.lock();
        if state.end.is_some() {
            return None;
        }
        state.end = Some(end);
        self.changed.notify_one();
        state.window.end()
    }

    /// What is next for the receiver.
    pub(crate) fn take(&self) -> Taken {
        let mut state = self.lock();
        match (state.chunks.pop_front(), &state.end) {
            (Some(chunk), _) => {
                let credit = state.consume(cost(chunk.len()));
                Taken::Chunk(chunk, credit)
            }
            (None, Some(end)) => Taken::End(end.clone()),
            (None, None) => Taken::Nothing,
        }
    }

    /// Throws away what waits and what will come; says whether the sender must be told, and what to ack.
    pub(crate) fn stop(&self) -> (bool, Option<u32>) {
        let mut state = self.lock();
        let unread = state.window.unread();
        state.chunks.clear();
        let tell = !std::mem::replace(&mut state.stopped, true) && state.end.is_none();
        (tell, state.consume(unread))
    }

    /// There is one waiter: the receiver, which is not shared.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
