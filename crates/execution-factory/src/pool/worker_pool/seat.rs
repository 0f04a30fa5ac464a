//! A worker that an execution holds. Given back in every case: when the call is over, and when nobody came to call.

use std::sync::Arc;
use std::time::Instant;

use super::clock;
use super::desk::NotGranted;
use super::pool_core::{Handle, PoolCore};
use super::scheduler::{AfterCall, Again, CallOver, WhyNot};
use crate::pool::queue::Ticket;

/// A worker, for one call.
#[derive(Debug)]
pub(crate) struct WorkerSeat {
    pool: Arc<PoolCore>,
    pub(crate) ticket: Ticket,
    pub(crate) handle: Handle,
    /// When the execution asked for a worker.
    pub(crate) asked: Instant,
    since: Instant,
    state: SeatState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SeatState {
    Untouched,
    Calling,
    Over,
}

impl WorkerSeat {
    pub(crate) fn new(pool: Arc<PoolCore>, ticket: Ticket, handle: Handle, asked: Instant) -> Self {
        Self { pool, ticket, handle, asked, since: clock::now(), state: SeatState::Untouched }
    }

    /// From here on the worker has seen something of the execution.
    pub(crate) fn begin(&mut self) {
        self.state = SeatState::Calling;
    }

    /// The call is over, and the worker goes back.
    pub(crate) fn end(mut self, over: CallOver) {
        self.state = SeatState::Over;
        let now = clock::now();
        let over = CallOver { service: now.saturating_duration_since(self.since), again: Again::No, ..over };
        self.pool.desk().over(now, self.ticket, over);
    }

    /// The call did not come to its end and shall run once more. It is in the queue again when this returns; the future
    /// waits for another worker.
    pub(crate) fn again(
        mut self,
        pool: &Arc<PoolCore>,
        over: CallOver,
    ) -> impl Future<Output = Result<Self, NotGranted>> + Send {
        self.state = SeatState::Over;
        let (now, ticket, asked) = (clock::now(), self.ticket, self.asked);
        let over = CallOver { service: now.saturating_duration_since(self.since), ..over };
        let waits = pool.desk().over(now, ticket, over);
        // Not kept while it waits: the last reference to a worker ends it.
        drop(self);
        async move {
            let Some(waits) = waits else {
                return Err(NotGranted { why: WhyNot::ShuttingDown, error: None });
            };
            let handle = pool.desk().wait(waits).await?;
            Ok(Self::new(Arc::clone(pool), ticket, handle, asked))
        }
    }
}

impl Drop for WorkerSeat {
    fn drop(&mut self) {
        let over = match self.state {
            SeatState::Over => return,
            SeatState::Untouched => CallOver::UNUSED,
            // Whoever called was dropped midway: what the worker still does of it nobody knows.
            SeatState::Calling => CallOver { worker: AfterCall::Tainted, ran: true, ..CallOver::UNUSED },
        };
        let now = clock::now();
        let over = CallOver { service: now.saturating_duration_since(self.since), ..over };
        self.pool.desk().over(now, self.ticket, over);
    }
}
