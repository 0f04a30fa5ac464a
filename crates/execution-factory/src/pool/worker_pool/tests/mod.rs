//! The pool's shell under test: the desk under every interleaving, the whole engine with workers of no process.

mod bench;
mod calls;
mod gates;
mod interleaving;
mod owner;
mod places;
mod tending;
mod world;
