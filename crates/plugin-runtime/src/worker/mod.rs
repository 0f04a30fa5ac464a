//! A program that serves a plugin: under a host it speaks the protocol, run by hand it says what it is.
//! It knows its channel and nothing of who started it.

mod by_hand;
mod program;

pub(crate) use program::main;
