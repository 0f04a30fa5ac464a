//! The pool of long-lived worker processes. How a worker is spoken to is the `worker` module's knowledge, not its own.
//!
//! `queue` and `stats` name no sibling; `lifecycle` and `executor` may name those two; only `worker_pool` names all four.

mod config;
mod executor;
mod lifecycle;
mod queue;
mod stats;
mod worker_pool;

pub use config::{OnCap, PoolConfig};
pub use worker_pool::WorkerPoolBackend;
