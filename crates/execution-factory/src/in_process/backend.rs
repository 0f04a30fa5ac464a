//! The in-process backend, as its host sees it.

use std::sync::Arc;

use plugdock_contracts::backend::{BackendEvents, PluginRef, Shutdown, ShutdownReport};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{BackendKind, BoxFuture, Execution, ExecutionBackend, ExecutionRequest};

use super::carry::InProcessCarrier;
use crate::create::Shared;
use crate::engine::{Announcer, Engine};

/// Runs handlers in the host's own process.
///
/// It is **no security boundary**: a handler shares the host's memory and rights. Panics are caught; a crash, an
/// endless loop or an exit of the handler is one of the host. A deadline or a cancellation is a request: an async
/// handler is dropped at its next await, a thread that goes on is left behind, counted in
/// [`BackendStats::abandoned`] and announced. What a handler prints goes to the host's own standard output.
#[derive(Debug)]
pub struct InProcessBackend {
    engine: Arc<Engine<InProcessCarrier>>,
}

impl InProcessBackend {
    pub(crate) fn new(shared: Shared) -> Self {
        let carrier = InProcessCarrier::new(&shared.config);
        Self { engine: Engine::new(shared.into_engine_parts(carrier, Announcer::new())) }
    }
}

crate::create::delegate_to_engine!(InProcessBackend);
