//! What is asked of a spawner and how it may fail; the seam behind which a test puts a mock.
//! Turning an error into an execution's outcome is the backend's task.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use plugdock_contracts::BoxFuture;
use plugdock_sandbox::{Mismatch, SandboxPlan};

use super::super::failure::SpawnFailure;
use super::worker::WorkerProcess;

/// A worker to be started. Everything is text in UTF-8, because it crosses to the spawner as JSON.
#[derive(Clone, Debug)]
pub struct SpawnSpec {
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments, without the program's own name.
    pub args: Vec<String>,
    /// Its whole environment: nothing is added to it and nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Its working directory, as an absolute path.
    pub dir: PathBuf,
    /// What the kernel is to hold.
    pub plan: SandboxPlan,
    /// From the request to the running program.
    pub setup_within: Duration,
}

/// Starts workers.
pub trait Spawn: Send + Sync {
    /// Starts one worker. Dropping the future ends whatever was started.
    ///
    /// # Errors
    /// Why there is no worker; nothing is left of an attempt that failed.
    fn spawn(&self, spec: SpawnSpec) -> BoxFuture<'_, Result<WorkerProcess, SpawnError>>;
}

/// A worker could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The worker's own set-up or program failed.
    #[error("could not start `{}`: failed to {failure}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// The step, the error number and the diagnosis.
        failure: Box<SpawnFailure>,
    },
    /// A path has to be absolute: a relative one would depend on where the spawner runs.
    #[error("`{}` is not an absolute path", path.display())]
    NotAbsolute {
        /// The path.
        path: PathBuf,
    },
    /// A path is not UTF-8.
    #[error("`{}` is not UTF-8", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// The request, with arguments and environment, is longer than a packet.
    #[error("the request to the spawner has {length} bytes, the most is {max}")]
    TooLarge {
        /// Its length.
        length: usize,
        /// The most there may be.
        max: usize,
    },
    /// The host could not make a socket or a pipe; typically it has too many open files.
    #[error("could not make the worker's {what}")]
    Resources {
        /// Which one.
        what: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// What is in force differs from the plan; the worker was killed.
    #[error("the sandbox of `{}` is not in force as planned ({})", program.display(), join(mismatches))]
    Receipt {
        /// The program.
        program: PathBuf,
        /// Every difference.
        mismatches: Vec<Mismatch>,
    },
    /// The spawner's program could not be run.
    #[error("could not run the spawner `{}`", program.display())]
    SpawnerStart {
        /// The program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The spawner's program ran, but no spawner answered.
    #[error(
        "`{}` did not become a spawner ({detail}): call plugdock::init() first in main, or configure spawner_program",
        program.display()
    )]
    NoHello {
        /// The program.
        program: PathBuf,
        /// What was seen.
        detail: String,
    },
    /// The spawner's program is of another release.
    #[error("the spawner `{}` speaks protocol {found}, this host speaks {expected}", program.display())]
    SpawnerProtocol {
        /// The program.
        program: PathBuf,
        /// Its number.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// This process is itself a part that a host started; it may not start spawners.
    #[error(
        "this process was started by plugdock as `{role}` and cannot start workers: call plugdock::init() first in main"
    )]
    Nested {
        /// Its role.
        role: String,
    },
    /// The spawner ended while it was asked.
    #[error("the spawner ended")]
    SpawnerLost,
    /// The spawner did not answer in time and was killed.
    #[error("the spawner did not answer within {waited:?}")]
    SpawnerStuck {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The spawner was lost several times in a row; it is started again after a pause.
    #[error("the spawner was lost repeatedly and is started again in {retry_after:?}")]
    SpawnerRestarting {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The client was shut down.
    #[error("the spawner was shut down")]
    Closed,
}

fn join(mismatches: &[Mismatch]) -> String {
    mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
