//! One execution from admission to outcome: slot, plugin, workspace, carrier, artifacts, release. Every way out passes
//! the same end, so that nothing is left and exactly one outcome is told.

use std::sync::{Arc, PoisonError};

use plugdock_contracts::error::{ErrorChain, ErrorCode, ExecutionError};
use plugdock_contracts::workspace::{WorkspaceError, WorkspaceLease};
use plugdock_contracts::{ExecutionRequest, Outcome};
use plugdock_plugin_runtime::CallDescriptor;
use tokio::time::Instant;

use super::engine_core::{CallerEnds, Engine};
use super::invoke::EngineInvoker;
use super::shutdown::Origin;
use super::slot::cancelled;
use super::{Carried, Job};
use crate::execution::{EventQueue, Port};
use crate::governance::{Gate, GateParts};
use crate::plugin::ResolvedPlugin;

/// Takes an execution off the engine's list even when its task panics.
struct Retire<'a> {
    engine: &'a Engine,
    request: &'a ExecutionRequest,
}

impl Drop for Retire<'_> {
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

impl Engine {
    pub(super) async fn supervise(
        self: Arc<Self>,
        request: ExecutionRequest,
        origin: Origin,
        ends: CallerEnds,
    ) {
        let admitted = Instant::now();
        let request = Arc::new(request);
        let CallerEnds { queue, input, cancel, outcome: told } = ends;
        let complete = Complete(&queue);
        let mut outcome = {
            let _retire = Retire { engine: &self, request: &request };
            let (asked, isolation) = (Arc::clone(&request), self.parts.carrier.isolation());
            let prepared = self.look_up(move |plugins| plugins.resolve(&asked, isolation)).await;
            let permissions =
                prepared.as_ref().map(|plugin| plugin.permissions(&request)).unwrap_or_default();
            let gate = Arc::new(Gate::new(GateParts {
                request: Arc::clone(&request),
                permissions,
                platform: Arc::clone(&self.parts.platform),
                invoker: Arc::new(EngineInvoker::new(&self)),
                announcer: self.parts.announcer.clone(),
            }));
            let port = Port::new(Arc::clone(&queue), input, cancel, Arc::clone(&gate));
            let outcome = match prepared {
                Ok(plugin) => self.run(&request, origin, plugin, &port, admitted).await,
                Err(error) => {
                    Outcome::new(request.execution_id.clone(), self.parts.carrier.kind(), Err(error))
                }
            };
            gate.close();
            port.close_input().await;
            outcome
        };
        outcome.timings.total = admitted.elapsed();
        outcome.events_dropped = queue.dropped();
        self.recorder.ended(&outcome);
        drop(complete);
        // A caller that is gone needs no outcome; it is counted.
        let _caller_gone = told.send(outcome);
    }

    async fn run(
        &self,
        request: &Arc<ExecutionRequest>,
        origin: Origin,
        plugin: ResolvedPlugin,
        port: &Port,
        admitted: Instant,
    ) -> Outcome {
        let kind = self.parts.carrier.kind();
        let refused = |error| Outcome::new(request.execution_id.clone(), kind, Err(error));
        let timeouts = self.timeouts(request, &plugin);
        // A nested execution never waits: the slot it waits for could be held by the one that invoked it.
        let is_nested = origin == Origin::Nested;
        let taken = if is_nested {
            self.slots.take_nested()
        } else {
            self.slots.take(port, timeouts.acquire()).await
        };
        let slot = match taken {
            Ok(slot) => slot,
            Err(error) => return refused(error),
        };
        let queue = admitted.elapsed();
        let mut spec = request.workspace.clone();
        let limits =
            request.limits.clone().or(&plugin.manifest.resources.limits).or(&self.parts.config.limits);
        spec.storage_limit = spec.storage_limit.or(limits.storage);
        let lease = tokio::select! {
            biased;
            reason = port.cancelled() => return refused(cancelled(&reason)),
            lease = self.parts.workspaces.acquire(&request.execution_id, &spec) => match lease {
                Ok(lease) => lease,
                Err(error) => return refused(workspace_error(&error)),
            },
        };
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
        let carried = self.parts.carrier.carry(&job).await;
        self.note_end(&job, &carried);
        let mut outcome = self.conclude(&job, carried, lease).await;
        outcome.timings.queue = Some(queue);
        drop(slot);
        outcome
    }

    fn timeouts(&self, request: &ExecutionRequest, plugin: &ResolvedPlugin) -> plugdock_contracts::Timeouts {
        let mut timeouts = request.timeouts.clone();
        timeouts.call = timeouts.call.or(plugin.manifest.resources.timeout);
        timeouts.or(&self.parts.config.timeouts)
    }

    /// Notes for the shutdown report and the statistics how it ended.
    fn note_end(&self, job: &Job, carried: &Carried) {
        if carried.abandoned {
            self.recorder.abandoned();
            let execution = job.id().clone();
            self.parts.announcer.announce(plugdock_contracts::backend::BackendEvent::Abandoned { execution });
        }
        if !self.stop.has_begun() {
            return;
        }
        let stopped =
            carried.result.as_ref().err().is_some_and(|error| *error.code() == ErrorCode::ShuttingDown);
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let list = match (carried.abandoned, carried.killed, stopped) {
            (true, _, _) => &mut ends.abandoned,
            (_, true, _) => &mut ends.killed,
            (_, _, true) => &mut ends.cancelled,
            _ => &mut ends.finished,
        };
        list.push(job.id().clone());
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
