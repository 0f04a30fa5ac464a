//! Backends that run executions: in-process and subprocess, with workspaces, process supervision and governance.
//! It never reads configuration files and installs no subscriber; whoever starts a host does.

mod config;
mod create;
mod doctor;
mod engine;
mod execution;
mod governance;
mod in_process;
mod init;
mod limit;
pub mod plugin;
mod pool;
pub mod process;
mod subprocess;
mod worker;
pub mod workspace;

pub use config::BackendConfig;
pub use create::create_execution_backend;
pub use doctor::{DoctorReport, ProfileReport, doctor, explain};
pub use in_process::InProcessBackend;
pub use init::{init, init_with};
/// The host's services, for hosts that depend on this crate alone.
pub use plugdock_platform as platform;
pub use plugdock_plugin_runtime::Registry;
pub use plugdock_sandbox::{ExplainedGrant, Explanation, SandboxProfile, Wall};
pub use plugin::Catalog;
pub use pool::{OnCap, PoolConfig, WorkerPoolBackend};
pub use subprocess::SubprocessBackend;
pub use workspace::LocalWorkspaceManager;
