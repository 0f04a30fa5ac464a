//! One execution from admission to outcome: slot, plugin, workspace, carrier, artifacts, release. Every way out passes
//! the same end, so that nothing is left and exactly one outcome is told.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError};
use plugdock_contracts::workspace::{WorkspaceError, WorkspaceLease};
use plugdock_contracts::{ExecutionId, ExecutionRequest, Limits, Outcome, Payload, Permissions, Timeouts};
use plugdock_plugin_runtime::CallDescriptor;
use tokio::time::Instant;

use super::engine_core::{CallerEnds, Engine};
use super::invoke::EngineInvoker;
use super::shutdown::Origin;
use super::slot::cancelled_waiting;
use super::{Carrier, Claim, Job, NoSeat};
use crate::execution::{Cancelled, EventQueue, Port};
use crate::governance::{Gate, GateParts};
use crate::plugin::ResolvedPlugin;

/// Takes an execution off the engine's list even when its task panics.
struct Retire<'a, C: Carrier> {
    engine: &'a Engine<C>,
    request: &'a ExecutionRequest,
}

impl<C: Carrier> Drop for Retire<'_, C> {
    fn drop(&mut self) {
        self.engine.retire(&self.request.execution_id);
    }
}

/// Ends the events even when the supervising task panics, so that nobody waits for more.
struct Complete<'a>(&'a EventQueue);

impl Drop for Complete<'_> {
    fn drop(&mut self) {
        self.0.complete();
    }
}

/// What is decided of an execution when it has a place to run.
struct Seated<S> {
    plugin: Arc<ResolvedPlugin>,
    permissions: Permissions,
    limits: Limits,
    timeouts: Timeouts,
    seat: S,
    queue: Duration,
}

impl<C: Carrier> Engine<C> {
    pub(super) async fn supervise(
        self: Arc<Self>,
        request: ExecutionRequest,
        origin: Origin,
        ends: CallerEnds,
    ) {
        let admitted = Instant::now();
        let request = Arc::new(request);
        let CallerEnds { queue, input, cancelled, outcome: told } = ends;
        let complete = Complete(&queue);
        let mut outcome = {
            let _retire = Retire { engine: &*self, request: &request };
            match self.seat(&request, origin, &cancelled, admitted).await {
                Ok(seated) => {
                    let gate = Arc::new(Gate::new(GateParts {
                        request: Arc::clone(&request),
                        permissions: seated.permissions.clone(),
                        platform: Arc::clone(&self.parts.platform),
                        invoker: Arc::new(EngineInvoker::new(&self)),
                        announcer: self.parts.announcer.clone(),
                    }));
                    let port = Port::new(Arc::clone(&queue), input, cancelled, Arc::clone(&gate));
                    let outcome = self.run(&request, seated, &port).await;
                    gate.close();
                    port.close_input().await;
                    outcome
                }
                Err(error) => self.refused(&request, error),
            }
        };
        outcome.timings.total = admitted.elapsed();
        outcome.events_dropped = queue.dropped();
        self.recorder.ended(&request.descriptor.plugin, &outcome);
        drop(complete);
        // A caller that is gone needs no outcome; it is counted.
        let _caller_gone = told.send(outcome);
    }

    /// The outcome of an execution that did not get to run.
    fn refused(&self, request: &ExecutionRequest, error: ExecutionError) -> Outcome {
        let result = Err(error);
        self.note_end(&request.execution_id, &result, false, false);
        Outcome::new(request.execution_id.clone(), self.parts.carrier.kind(), result)
    }

    /// Finds the plugin and waits for a place to run.
    async fn seat(
        &self,
        request: &Arc<ExecutionRequest>,
        origin: Origin,
        cancelled: &Cancelled,
        admitted: Instant,
    ) -> Result<Seated<C::Seat>, ExecutionError> {
        let mut place = None;
        loop {
            let plugin = self.resolve(request).await?;
            let permissions = plugin.permissions(request);
            let timeouts = self.timeouts(request, &plugin);
            let limits =
                request.limits.clone().or(&plugin.manifest.resources.limits).or(&self.parts.config.limits);
            let claim = Claim {
                request,
                plugin: &plugin,
                permissions: &permissions,
                limits: &limits,
                timeouts: &timeouts,
                cancelled,
                nested: origin == Origin::Nested,
                place,
            };
            match self.parts.carrier.reserve(claim).await {
                Ok(seat) => {
                    let queue = admitted.elapsed();
                    return Ok(Seated { plugin, permissions, limits, timeouts, seat, queue });
                }
                Err(NoSeat::Failed(error)) => return Err(error),
                Err(NoSeat::Stale { place: kept }) => place = Some(kept),
            }
        }
    }

    /// The plugin of a request, from memory where that is fresh enough.
    async fn resolve(&self, request: &Arc<ExecutionRequest>) -> Result<Arc<ResolvedPlugin>, ExecutionError> {
        let isolation = self.parts.carrier.isolation();
        let remembered = self.parts.plugins.remembered(request, std::time::Instant::now());
        let plugin = if let Some(plugin) = remembered {
            plugin
        } else {
            let asked = Arc::clone(request);
            self.look_up(move |plugins| plugins.look(&asked)).await?
        };
        plugin.check(request, isolation)?;
        Ok(plugin)
    }

    async fn run(&self, request: &Arc<ExecutionRequest>, seated: Seated<C::Seat>, port: &Port) -> Outcome {
        let Seated { plugin, limits, timeouts, mut seat, queue, .. } = seated;
        let mut spec = request.workspace.clone();
        spec.storage_limit = spec.storage_limit.or(limits.storage);
        spec.area = self.parts.carrier.area(&seat);
        let lease = tokio::select! {
            biased;
            reason = port.cancelled() => return self.refused(request, cancelled_waiting(&reason)),
            lease = self.parts.workspaces.acquire(&request.execution_id, &spec) => match lease {
                Ok(lease) => lease,
                Err(error) => return self.refused(request, workspace_error(&error)),
            },
        };
        port.gate().set_places(lease.dir(), lease.artifacts_dir(), plugin.origin.root.as_deref());
        let section =
            self.parts.platform.config().ok().and_then(|config| config.section(&request.descriptor.plugin));
        let config = plugin.config(section, &request.descriptor.config);
        let job = Job {
            request: Arc::clone(request),
            descriptor: describe_call(request, config, &*lease, timeouts.call()),
            plugin,
            limits,
            timeouts,
            temp_dir: lease.temp_dir().to_owned(),
            port: port.clone(),
        };
        let carried = self.parts.carrier.carry(&job, &mut seat).await;
        if carried.abandoned {
            self.recorder.abandoned();
            let execution = job.id().clone();
            self.parts.announcer.announce(plugdock_contracts::backend::BackendEvent::Abandoned { execution });
        }
        self.note_end(job.id(), &carried.result, carried.killed, carried.abandoned);
        let mut outcome = self.conclude(&job, carried, lease).await;
        drop(seat);
        outcome.timings.queue = Some(queue);
        outcome
    }

    fn timeouts(&self, request: &ExecutionRequest, plugin: &ResolvedPlugin) -> Timeouts {
        let mut timeouts = request.timeouts.clone();
        timeouts.call = timeouts.call.or(plugin.manifest.resources.timeout);
        timeouts.or(&self.parts.config.timeouts)
    }

    /// Notes for the shutdown report how an execution ended.
    fn note_end(
        &self,
        id: &ExecutionId,
        result: &Result<Payload, ExecutionError>,
        killed: bool,
        abandoned: bool,
    ) {
        if !self.stop.has_begun() {
            return;
        }
        let stopped = result.as_ref().err().is_some_and(|error| *error.code() == ErrorCode::ShuttingDown);
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let list = match (abandoned, killed, stopped) {
            (true, _, _) => &mut ends.abandoned,
            (_, true, _) => &mut ends.killed,
            (_, _, true) => &mut ends.cancelled,
            _ => &mut ends.finished,
        };
        list.push(id.clone());
    }
}

fn describe_call(
    request: &ExecutionRequest,
    config: serde_json::Value,
    lease: &dyn WorkspaceLease,
    time_limit: std::time::Duration,
) -> CallDescriptor {
    let from = &request.descriptor;
    let mut call =
        CallDescriptor::new(request.execution_id.clone(), from.plugin.clone(), from.handler.clone());
    call.host.clone_from(&from.host);
    call.request_id.clone_from(&from.request_id);
    call.tenant.clone_from(&from.tenant);
    call.trace.clone_from(&from.trace);
    call.config = config;
    call.workspace = Some(lease.dir().to_owned());
    call.artifacts = Some(lease.artifacts_dir().to_owned());
    call.time_limit_us = Some(plugdock_contracts::stats::micros(time_limit));
    call.depth = u32::try_from(request.invoked_by.len()).unwrap_or(u32::MAX);
    call.backtrace = request.debug.backtrace;
    call
}

/// The error of an execution whose workspace failed.
pub(super) fn workspace_error(error: &WorkspaceError) -> ExecutionError {
    let code = match error {
        WorkspaceError::Invalid { .. } => ErrorCode::ValidationError,
        WorkspaceError::OverLimit { .. } => ErrorCode::StorageExceeded,
        _ => ErrorCode::WorkspaceError,
    };
    ExecutionError::new(code, error.to_string()).with_chain(ErrorChain(error).sources())
}
