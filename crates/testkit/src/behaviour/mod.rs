//! The behaviours, by what they are about. Each is a function of a harness; the list of them is in `suite`.
//! They ask nothing of a backend but what its contract says.

pub(crate) mod artifact;
pub(crate) mod cancel;
pub(crate) mod cleanup;
pub(crate) mod denial;
pub(crate) mod failure;
pub(crate) mod file;
pub(crate) mod invoke;
pub(crate) mod log_line;
pub(crate) mod machine;
mod pool;
pub(crate) mod queue;
pub(crate) mod report;
pub(crate) mod result;
pub(crate) mod service;
pub(crate) mod shutdown;
pub(crate) mod stream;
pub(crate) mod timeout;
pub(crate) mod workspace;

pub(crate) use pool::{
    checking, crashing, depth, keeping, pool_report, recycling, reloading, sharing, sizing,
};
