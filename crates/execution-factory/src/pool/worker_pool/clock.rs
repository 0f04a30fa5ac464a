//! The time by which the pool sleeps. Whatever decides is told the time, and does not ask here.

use std::time::Instant;

/// The time now. Under a test's paused clock it is the test's, so that deadlines and the sleeps until them agree.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
