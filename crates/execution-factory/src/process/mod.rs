//! Worker processes: how they are started, watched, read and ended, through a spawner.
//! It knows no frames, no handlers and no plugins: a worker here is a program with a channel and two pipes.
//!
//! A host makes a [`SpawnerClient`] and asks it for workers; whatever only needs workers takes a [`Spawn`], which
//! a test can mock. [`OutputReader`] reads a worker's pipes. Why there is a spawner process between the host and its
//! workers is in `docs/decisions/spawning.md`.

mod client;
mod control;
pub mod environment;
mod exit;
mod failure;
mod message;
mod output;
mod role;
pub mod spawner;
mod sys;

pub use client::{
    Spawn, SpawnError, SpawnSpec, SpawnerClient, SpawnerConfig, WorkerControl, WorkerParts, WorkerProcess,
    WorkerSignal,
};
pub use exit::{ExitCause, ExitReport, ProcessUsage};
pub use failure::{ExecProblem, SpawnFailure, SpawnStep};
pub(crate) use output::DRAIN_CHUNKS;
pub use output::{
    Allowance, ForwardLimits, OutputCollector, OutputLine, OutputReader, OutputReadiness, printable,
};
pub use role::{ROLE_VARIABLE, Role};
pub(crate) use spawner::runners;
