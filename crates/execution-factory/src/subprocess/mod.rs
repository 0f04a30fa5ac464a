//! The backend that runs each execution in a fresh process.

mod attach;
mod backend;
mod call;
mod carry;
mod describe;
mod failure;
mod host_call;
mod output;
mod spec;

pub use backend::SubprocessBackend;
