//! Errors that cross a boundary: a stable code for programs, a text for people, and what led to it.
//! Callers branch on the code; nobody parses the text.

mod chain;
mod code;
mod crash;
mod execution_error;

pub use chain::ErrorChain;
pub use code::{ErrorCode, Fault};
pub use crash::{CrashCause, KillReason};
pub use execution_error::{ExecutionError, Resource, Step};
