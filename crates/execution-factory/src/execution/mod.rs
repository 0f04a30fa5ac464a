//! One execution as it runs: what its caller holds, what its backend holds, and the queue of events between.

mod cancel;
mod control;
mod event_queue;
mod port;

pub(crate) use cancel::{CancelSignal, Cancelled};
pub(crate) use control::LiveExecution;
pub(crate) use event_queue::{EventQueue, Taken};
pub(crate) use port::{InputPiece, Port};
