//! The words every plugdock layer speaks: ids, requests, outcomes, errors, permissions, manifests and the backend trait.
//! It never does I/O and knows no runtime, no process and no wire; what crosses a boundary is plain data.

pub mod backend;
mod brokered_call;
pub mod describe;
pub mod document;
pub mod error;
pub mod event;
pub mod execution;
pub mod file;
pub mod health;
pub mod host_call;
pub mod host_context;
pub mod http;
pub mod id;
pub mod limits;
pub mod manifest;
pub mod outcome;
pub mod payload;
pub mod permission;
pub mod plugin_state;
pub mod request;
pub mod service;
pub mod shell;
pub mod size;
pub mod span;
pub mod stats;
pub mod timeouts;
pub mod trace;
pub mod worker;
pub mod workspace;

pub use backend::{BackendKind, ExecutionBackend, ExecutionBackendExt, Shutdown, ShutdownReport};
pub use error::{ErrorChain, ErrorCode, ExecutionError, Fault};
pub use event::{ExecutionEvent, LogLevel, LogLine, LogStream, Progress};
pub use execution::{CancelReason, Execution};
pub use host_context::HostContext;
pub use id::{ExecutionId, HandlerId, PluginId, RequestId, TenantId, WorkerId, WorkspaceId};
pub use limits::Limits;
pub use outcome::{Outcome, Timings, Usage};
pub use payload::Payload;
pub use permission::Permissions;
pub use request::{Descriptor, ExecutionRequest};
pub use size::ByteSize;
pub use timeouts::Timeouts;
pub use trace::TraceContext;
pub use worker::{WorkerState, WorkerStatus};

/// A boxed future, as the object-safe traits of this crate return it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
