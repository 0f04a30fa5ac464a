//! A program that serves a plugin: under a host it speaks the protocol, run by hand it says what it is.
//! It knows its channel and nothing of who started it.

mod bridge;
mod by_hand;
mod call;
mod hello;
mod program;
mod serve;
#[cfg(test)]
mod tests;

pub(crate) use program::main;
pub use program::{PLUGIN_VARIABLE, init};
pub use serve::{ServeConfig, ServeError, serve};
