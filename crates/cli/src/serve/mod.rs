//! The server behind `plugdock serve`: a backend that is kept alive, and a socket at which the same user may use it.
//! It knows the protocol and the backend's interface; which backend it is and how it was configured, it does not.

mod address;
mod call;
mod listener;
mod log_tap;
mod outbox;
mod peer;
mod ring;
mod server;
mod session;
mod shared;
#[cfg(test)]
mod tests;

pub(crate) use address::default_socket;
pub(crate) use listener::{ListenError, Listener};
pub(crate) use peer::{admits, own_uid};
pub(crate) use server::Server;
