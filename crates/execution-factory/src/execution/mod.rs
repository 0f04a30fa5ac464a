//! One execution as it runs: what its caller holds, what its backend holds, and the queue of events between.

mod control;
mod event_queue;
mod port;

pub(crate) use control::{CancelSignal, LiveExecution};
pub(crate) use event_queue::{EventQueue, Taken};
pub(crate) use port::{InputPiece, Port};
