//! A worker that an execution holds. Given back in every case: when the call is over, and when nobody came to call.

use std::sync::Arc;
use std::time::Instant;

use super::desk::{Granted, NotGranted};
use super::pool_core::{Handle, PoolCore};
use super::scheduler::{AfterCall, Again, CallOver};
use crate::pool::queue::Ticket;

/// A worker, for one call.
#[derive(Debug)]
pub(crate) struct WorkerSeat {
    pool: Arc<PoolCore>,
    pub(crate) ticket: Ticket,
    pub(crate) granted: Granted<Handle>,
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
    pub(crate) fn new(pool: Arc<PoolCore>, ticket: Ticket, granted: Granted<Handle>) -> Self {
        Self { pool, ticket, granted, since: Instant::now(), state: SeatState::Untouched }
    }

    /// From here on the worker has seen something of the execution.
    pub(crate) fn begin(&mut self) {
        self.state = SeatState::Calling;
    }

    /// The call is over, and the worker goes back.
    pub(crate) fn end(mut self, over: CallOver) {
        self.state = SeatState::Over;
        let now = Instant::now();
        let over = CallOver { service: now.saturating_duration_since(self.since), again: Again::No, ..over };
        self.pool.desk().over(now, self.ticket, over);
    }

    /// The call did not come to its end and shall run once more: waits for another worker.
    pub(crate) async fn again(mut self, over: CallOver) -> Result<Self, NotGranted> {
        self.state = SeatState::Over;
        let now = Instant::now();
        let over = CallOver { service: now.saturating_duration_since(self.since), ..over };
        let Some(waits) = self.pool.desk().over(now, self.ticket, over) else {
            return Err(NotGranted { why: super::scheduler::WhyNot::ShuttingDown, error: None });
        };
        let granted = self.pool.desk().wait(waits).await?;
        Ok(Self::new(Arc::clone(&self.pool), self.ticket, granted))
    }
}

impl Drop for WorkerSeat {
    fn drop(&mut self) {
        let over = match self.state {
            SeatState::Over => return,
            SeatState::Untouched => CallOver::UNUSED,
            // Whoever called was dropped midway: what the worker still does of it nobody knows.
            SeatState::Calling => {
                CallOver { worker: AfterCall::Tainted, ran: true, ..CallOver::UNUSED }
            }
        };
        let now = Instant::now();
        let over = CallOver { service: now.saturating_duration_since(self.since), ..over };
        self.pool.desk().over(now, self.ticket, over);
    }
}
