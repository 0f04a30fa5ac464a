//! Waiting for a state, never for a time: each look is at the state itself, and whoever waits too long says what was seen last.
//! Whatever can be awaited is not waited for here.

use std::time::{Duration, Instant};

/// Longer means hung.
pub const CEILING: Duration = Duration::from_secs(30);

/// Between two looks: short against any test, long enough to leave the processor to what is waited for.
const LOOK: Duration = Duration::from_millis(2);

/// Looks until there is a value; the error is what is seen instead.
///
/// # Panics
/// With what was seen last, when the ceiling is reached.
pub async fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) => {
                assert!(start.elapsed() < CEILING, "waited {CEILING:?} for {what}, last seen: {seen}");
            }
        }
        ticks.tick().await;
    }
}

/// The same outside a runtime.
///
/// # Panics
/// With what was seen last, when the ceiling is reached.
pub fn wait_for_blocking<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) => {
                assert!(start.elapsed() < CEILING, "waited {CEILING:?} for {what}, last seen: {seen}");
            }
        }
        std::thread::park_timeout(LOOK);
    }
}

/// Awaits something that must come.
///
/// # Panics
/// When the ceiling is reached.
pub async fn within_ceiling<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(CEILING, future).await else {
        panic!("waited {CEILING:?} for {what}")
    };
    value
}
