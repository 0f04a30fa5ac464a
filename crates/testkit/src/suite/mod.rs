//! The one list of behaviours, and what makes a test of each for each backend.
//! What a behaviour is stands in `behaviour`; what it is tested with, in `harness`.

mod list;
mod run;

pub use run::{alone, names, run};
