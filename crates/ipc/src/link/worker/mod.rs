//! The worker's end of a connection: takes calls, says how they go, asks the host for services.
//! It runs nothing: whoever accepts a call decides where its handler runs.

mod call;
mod end;
mod handle;
mod job;
mod liveness;
mod route;
mod state;

pub use call::WorkerCall;
pub use end::{WorkerEnd, WorkerEvent};
pub use handle::{CallHandle, HostAnswer, HostCallError};
pub use liveness::{HealthProbe, Heartbeat};
