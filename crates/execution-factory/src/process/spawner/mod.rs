//! The spawner: a small single-threaded process that makes workers, watches them and kills what they leave.
//! It knows no frames, no handlers and no secrets; it has no thread but one and no runtime.
//!
//! `entry` turns a fresh process into a spawner, `server` is its loop, `setup` runs in each forked child until it
//! becomes the worker's program, `family` finds and ends descendants, `control_group` holds a worker as one, `diagnosis` explains a refused program.
//! Why there is a spawner at all is in `docs/decisions/spawning.md`.

mod control_group;
mod diagnosis;
mod entry;
mod family;
mod server;
mod setup;
mod worker;

pub(crate) use diagnosis::runners;
pub use entry::{main, run_if_asked};
