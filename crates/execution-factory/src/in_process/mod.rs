//! The backend that runs handlers in the host's own process. No boundary: it can ask a handler to stop, not make it.

mod backend;
mod bridge;
mod carry;
#[cfg(test)]
mod tests;

pub use backend::InProcessBackend;
