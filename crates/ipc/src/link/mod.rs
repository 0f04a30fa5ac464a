//! A connection after its handshake: routes frames to live calls, queues what goes out, remembers why it died.
//! Nothing here starts a task: whoever makes a link runs its [`Driver`] in a task set of their own.

mod config;
mod core;
mod driver;
pub mod host;
mod outbox;
pub mod worker;

pub(crate) use self::core::Core;
pub use config::LinkConfig;
pub use driver::Driver;
pub(crate) use driver::Router;
pub(crate) use outbox::Ticket;
