//! The escape suite as data: what a hostile plugin tries, and what the kernel must answer under each profile.
//! It makes no attempt itself: the program `plugdock-escape` does, and `tests/it/escape.rs` compares.

mod attempt;
mod column;
mod expected;
mod list_elsewhere;
mod list_file;
mod list_kernel;
mod list_machine;
mod list_process;
mod list_resource;
mod row;
mod table;
mod verdict;

pub use attempt::{Attempt, Attempted, Facts, HANDLER, Heard, PLUGIN, SECRET_VARIABLE, VERSION};
pub use column::{Host, Profile};
pub use expected::{Cell, Expected};
pub use row::{Proof, Row, Trial};
pub use table::{deaths, rows, tried_rows};
pub use verdict::{Verdict, judge};
