//! The backend that runs each execution in a fresh process.

mod backend;

pub use backend::SubprocessBackend;
