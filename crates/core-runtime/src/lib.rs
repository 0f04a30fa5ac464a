//! Start-up and shut-down of a plugdock host: a checked configuration, the host's log, the platform and the backend, in order.
//! It also writes a backend's numbers as text for monitoring ([`metrics`]).
//! It does not know the wire, nor how a worker is spawned.
//!
//! ```no_run
//! use plugdock_core_runtime::{CoreRuntime, Environment, RuntimeConfig};
//! use plugdock_plugin_runtime::Registry;
//!
//! # async fn host() -> Result<(), Box<dyn std::error::Error>> {
//! let config = RuntimeConfig::builder().environment(Environment::of_process()).set("execution.mode", "subprocess").build()?;
//! let runtime = CoreRuntime::start(config, Registry::new()).await?;
//! let report = runtime.run_until_signal().await?;
//! assert!(report.is_clean(), "{report:?}");
//! # Ok(())
//! # }
//! ```
//!
//! A wrong configuration is refused whole:
//!
//! ```
//! use plugdock_contracts::document::Format;
//! use plugdock_core_runtime::RuntimeConfig;
//!
//! let text = "[execution]\nmode = \"sub-process\"\n[timeouts]\ncall = \"5\"\n";
//! let wrong = RuntimeConfig::builder().text("/etc/host.toml", text, Format::Toml).set("platform.data_dir", "/data").build();
//! let said = wrong.unwrap_err().to_string();
//! assert!(said.starts_with("/etc/host.toml:2: execution.mode: unknown value `sub-process`\n  help: did you mean `subprocess`?"));
//! assert!(said.contains("/etc/host.toml:4: timeouts.call: `5` is no length of time"));
//! ```

mod backend_wiring;
pub mod config;
mod core_runtime;
pub mod metrics;
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
