//! The soak: a worker pool under random load, attacked from outside, whose every outcome is judged. For tests and for operators
//! who want hours of it; nothing here is part of a backend.
//!
//! What is done follows from a seed. When it happens does not: processes, signals and the machine's other work decide that, so
//! a seed that failed may pass the next time. `docs/testing.md` says how to run it and what it cannot show.

mod attacker;
mod caller;
mod dice;
mod evidence;
mod item;
mod judge;
mod ledger;
mod memory;
mod panic_count;
mod prey;
mod report;
mod row;
mod seen;
mod soak_core;
mod stage;

pub use report::SoakReport;
pub use soak_core::{SoakConfig, soak};
