//! What a side decides for its own end of a connection; the peer never hears of it.
//! What both must know is in the welcome.

use std::time::Duration;

use crate::limit::DEFAULT_WRITE_STALL;

/// What a side decides for its own end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkConfig {
    /// Give the connection up when the peer takes no byte for this long; none to wait for ever.
    pub write_stall: Option<Duration>,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { write_stall: Some(DEFAULT_WRITE_STALL) }
    }
}

impl LinkConfig {
    /// Sets how long the peer may take no byte.
    #[must_use]
    pub fn with_write_stall(mut self, after: Option<Duration>) -> Self {
        self.write_stall = after;
        self
    }
}
