//! The client's end of `plugdock serve`: a connection, and a call followed to its outcome.
//! It prints nothing; the commands do.

mod call;
mod connection;
#[cfg(test)]
mod tests;

pub(crate) use call::follow;
pub(crate) use connection::Connection;
