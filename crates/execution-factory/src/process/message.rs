//! What host and spawner say to each other, one JSON document per packet.
//! The two are the same release and trust each other; nothing a plugin writes travels here.

use std::time::Duration;

use plugdock_sandbox::group::GroupUsage;
use plugdock_sandbox::{Receipt, SandboxPlan};
use serde::{Deserialize, Serialize};

use super::exit::ProcessUsage;
use super::failure::SpawnFailure;

/// Number of this conversation; a spawner of another number is refused.
pub(crate) const PROTOCOL: u32 = 2;

/// Largest packet. A packet has to fit into the socket's send buffer (208 KiB by default) with the kernel's
/// own overhead; arguments and environment of a worker together stay far below.
pub(crate) const MAX_MESSAGE: usize = 128 * 1024;

/// Descriptors that come with [`Request::Spawn`]: channel, standard output, standard error.
pub(crate) const SPAWN_DESCRIPTORS: usize = 3;

/// Host to spawner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    Spawn(Box<SpawnRequest>),
    Signal { id: u64, signal: i32 },
    Kill { id: u64 },
    Shutdown,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpawnRequest {
    pub(crate) id: u64,
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) dir: String,
    pub(crate) plan: SandboxPlan,
    pub(crate) setup_within: Duration,
}

/// Spawner to host.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Event {
    Hello {
        protocol: u32,
        pid: i32,
    },
    /// The worker's program runs; a descriptor for its process comes along.
    Spawned {
        id: u64,
        pid: i32,
        receipt: Box<Receipt>,
    },
    SpawnFailed {
        id: u64,
        failure: SpawnFailure,
    },
    Exited {
        id: u64,
        status: WaitStatus,
        usage: ProcessUsage,
        group: Option<GroupUsage>,
        survivors: u32,
    },
}

/// How a process ended, as `wait` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WaitStatus {
    Code(i32),
    Signal { signal: i32, core: bool },
}

/// What the spawner's child says over its setup pipe before it becomes the worker; one document per line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SetupReport {
    Ready(Box<Receipt>),
    Failed(SpawnFailure),
}
