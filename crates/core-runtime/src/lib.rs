//! Start-up and shut-down of a plugdock host: a checked configuration, the host's log, the platform and the backend, in order.
//! It does not know the wire, nor how a worker is spawned.

pub mod config;
mod selection;
pub mod tracing_setup;

pub use config::{ConfigError, Environment, RuntimeConfig};
pub use selection::BackendChoice;
