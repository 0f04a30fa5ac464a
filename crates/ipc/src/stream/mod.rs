//! Streams inside a call: credit accounting as plain values, and the two ends that wait for it.
//! Rules: `docs/ipc-protocol.md`, section on streams.

mod inflow;
mod outflow;
mod receiver;
mod sender;
mod window;

pub(crate) use inflow::{Inflow, InflowEnd};
pub(crate) use outflow::Outflow;
pub use receiver::{StreamError, StreamReceiver};
pub use sender::StreamSender;
pub use window::{ReceiveWindow, SendWindow, cost};
