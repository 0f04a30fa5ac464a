//! What a behaviour is tested with: a backend on a platform with services in memory, plugins on disk, and the check that
//! nothing is left behind. It knows no backend but by its trait and its configuration.

mod harness_core;
mod heard;
mod leak;
mod package;
mod platform;
mod process_table;
mod signal;
mod spoiling;
mod subject;
mod taken;
mod wait;
mod watching;

pub use harness_core::Harness;
pub(crate) use harness_core::code;
pub(crate) use heard::Heard;
pub use leak::LeakOracle;
pub use package::{Package, install_program};
pub use platform::{Mirror, Services};
pub use process_table::{Process, processes_naming};
pub(crate) use signal::signal;
pub use subject::Subject;
pub use taken::Taken;
pub use wait::{CEILING, wait_for, wait_for_blocking, within_ceiling};
