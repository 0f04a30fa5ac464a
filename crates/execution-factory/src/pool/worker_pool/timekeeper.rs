//! Lets the scheduler see that time passes: one task for the pool, which sleeps until something is due.

use std::sync::{Arc, Weak};

use tokio::sync::Notify;

use super::clock;
use super::pool_core::PoolCore;

/// Begins to keep the time of a pool, until it is gone.
pub(super) fn begin(pool: &Arc<PoolCore>) {
    pool.spawn(keep(Arc::downgrade(pool), pool.desk().alarm()));
}

/// Holds the pool only for moments: a pool that everyone has let go of ends, and this task with it.
async fn keep(pool: Weak<PoolCore>, alarm: Arc<Notify>) {
    loop {
        let Some(next) = pool.upgrade().map(|pool| pool.desk().arm()) else { return };
        let Some(at) = next else {
            alarm.notified().await;
            continue;
        };
        tokio::select! {
            biased;
            () = alarm.notified() => continue,
            () = tokio::time::sleep_until(at.into()) => {}
        }
        let Some(pool) = pool.upgrade() else { return };
        let now = clock::now();
        pool.desk().act(now, |state| state.scheduler.tick(now));
    }
}
