//! The host's side of process supervision: it asks the spawner for workers and holds what it gets.
//! It forks nothing itself and reaps nobody but the spawner.

mod backoff;
mod launch;
mod session;
mod spawn;
mod spawner_client;
mod worker;

pub use spawn::{Spawn, SpawnError, SpawnSpec};
pub use spawner_client::{SpawnerClient, SpawnerConfig};
pub use worker::{WorkerControl, WorkerParts, WorkerProcess, WorkerSignal};
