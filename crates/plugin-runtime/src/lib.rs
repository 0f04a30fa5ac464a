//! Runs a plugin's handler wherever it is, and is what a plugin author depends on.
//! It never knows who started it, whether there is a pool, or how a host implements its services.

pub mod bridge;
pub mod ctx;
pub mod descriptor;
pub mod handler;
pub mod plugin;
pub mod registry;
pub mod runner;
pub mod stream;
pub mod worker;

pub use bridge::HostBridge;
pub use ctx::Ctx;
pub use descriptor::CallDescriptor;
pub use handler::{Handler, HandlerError};
pub use plugin::Plugin;
pub use registry::Registry;
pub use stream::{Input, Output};

/// What a handler returns.
pub type HandlerResult<T> = Result<T, HandlerError>;
