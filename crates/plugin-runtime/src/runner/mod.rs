//! Runs one call of a plugin to its one answer: panics caught, cancellation carried through, cleanups run.
//! The same code runs in a host's process and in a worker; who watches the clock is somebody else.

mod panic;
mod run;

pub(crate) use panic::{CatchPanic, catching};
pub use panic::{Panic, install_panic_hook};
pub(crate) use run::unknown_handler;
pub use run::{Call, CallHandle, run};
