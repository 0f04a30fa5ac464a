//! Behaviour of the embedded services and of the container, seen from outside.
//! Services of one kind pass one list of tests; what is particular to one has tests of its own.

#![expect(
    clippy::unwrap_used,
    reason = "what a test expects must be there; its helpers are not seen as tests"
)]

mod cache;
mod container;
mod event;
mod fake_backend;
#[cfg(target_os = "linux")]
mod file;
mod owner;
mod sink;
mod state;
mod state_file;
mod storage;
