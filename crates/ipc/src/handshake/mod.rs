//! The exchange before any call: preludes, hello, welcome. Both sides, over any reader and writer, under one deadline.
//! Whether the plugin, its version and its sandbox are the wanted ones is decided by the host between hello and welcome.

mod error;
mod host;
mod session;
mod worker;

pub use error::{HandshakeError, HandshakeStep};
pub use host::{Greeted, greet};
pub use session::Session;
pub use worker::introduce;
