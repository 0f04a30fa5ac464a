//! The backend that runs each execution in a fresh process.

mod backend;
mod carry;

pub use backend::SubprocessBackend;
