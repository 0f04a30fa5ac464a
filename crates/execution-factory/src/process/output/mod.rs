//! What a worker writes to its standard output and error: read all the time, kept in bounds, made printable.
//! Nothing here waits for end-of-file, which a process that outlives the worker may hold back.

mod budget;
mod collector;
mod line;
mod printable;
mod reader;
mod tail;

pub use budget::{Allowance, ForwardLimits};
pub use collector::OutputCollector;
pub use line::OutputLine;
pub use printable::printable;
pub(crate) use reader::DRAIN_CHUNKS;
pub use reader::{OutputReader, OutputReadiness};
