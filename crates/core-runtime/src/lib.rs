//! Start-up and shut-down of a plugdock host: a checked configuration, the host's log, the platform and the backend, in order.
//! It does not know the wire, nor how a worker is spawned.

mod backend_wiring;
pub mod config;
mod core_runtime;
mod report;
mod selection;
mod service_wiring;
mod signal;
mod start;
#[cfg(test)]
mod tests;
pub mod tracing_setup;

pub use config::{ConfigError, Environment, RuntimeConfig};
pub use core_runtime::CoreRuntime;
pub use report::RuntimeReport;
pub use selection::BackendChoice;
pub use service_wiring::ServiceWiringError;
pub use signal::{StopSignal, StopSignals};
pub use start::StartError;
