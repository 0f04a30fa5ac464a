//! What a pool counts and measures about its workers, and what it estimates from that.
//! It knows no worker and no queue, names no sibling, and is told the time.

mod pool_recorder;
mod service_time;
mod spawn_times;
mod utilisation;

pub(crate) use pool_recorder::PoolRecorder;
