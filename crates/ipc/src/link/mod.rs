//! A connection after its handshake: routes frames to live calls, queues what goes out, remembers why it died.
//! Nothing here starts a task: whoever makes a link runs its [`Driver`] in a task set of their own.

mod core;
mod driver;
pub mod host;
mod outbox;
pub mod worker;

pub(crate) use self::core::Core;
pub use driver::Driver;
pub(crate) use driver::Router;

/// What a side decides for its own end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkConfig {
    /// Give the connection up when the peer takes no byte for this long; none to wait for ever.
    pub write_stall: Option<std::time::Duration>,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { write_stall: Some(crate::limit::DEFAULT_WRITE_STALL) }
    }
}

impl LinkConfig {
    /// Sets how long the peer may take no byte.
    #[must_use]
    pub fn with_write_stall(mut self, after: Option<std::time::Duration>) -> Self {
        self.write_stall = after;
        self
    }
}
