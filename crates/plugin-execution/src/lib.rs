//! plugdock, the face a host depends on: backends, plugins and workspaces behind one crate.
//! It adds nothing of its own and never knows how a host reads its configuration.
#![doc = ""]
#![doc = include_str!("../../../README.md")]

pub use plugdock_contracts as contracts;
pub use plugdock_contracts::{
    BackendKind, ErrorCode, Execution, ExecutionBackend, ExecutionBackendExt, ExecutionError, ExecutionEvent,
    ExecutionRequest, Limits, Outcome, Payload, Shutdown, ShutdownReport, Timeouts,
};
pub use plugdock_execution_factory::{
    BackendConfig, Catalog, DoctorReport, Explanation, InProcessBackend, LocalWorkspaceManager, Registry,
    SandboxProfile, SubprocessBackend, create_execution_backend, doctor, explain, init, init_with, platform,
    plugin,
};
pub use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult, Input, Output, Plugin};
