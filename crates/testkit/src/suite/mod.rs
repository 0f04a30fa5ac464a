//! The lists of behaviours, what makes a test of each for each backend, and the table of them all.
//! What a behaviour is stands in `behaviour`; what it is tested with, in `harness`.

mod list;
mod pool_list;
mod run;
mod table;

pub use run::{Verdict, alone, names, pool_names, run};
pub use table::Table;
