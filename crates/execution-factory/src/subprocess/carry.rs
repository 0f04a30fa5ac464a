//! Carries an execution in a process of its own: started, introduced, called, ended.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, BackendKind};
use plugdock_contracts::describe::{HandlerKind, PluginDescription};
use plugdock_contracts::error::{CrashCause, ErrorChain, ErrorCode, ExecutionError};
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::manifest::Isolation;
use plugdock_contracts::outcome::WorkerStart;
use plugdock_contracts::{BoxFuture, Payload, Usage, WorkerId};
use plugdock_ipc::LinkError;
use plugdock_sandbox::HostCapabilities;
use tokio::time::Instant;

use super::attach::{AttachError, AttachSpec, Attached, attach};
use super::call::{CallEnd, drive};
use super::spec::{Places, WorkerDefaults};
use super::{describe, failure};
use crate::config::BackendConfig;
use crate::engine::{Announcer, Carried, Carrier, Job, StopClock};
use crate::limit;
use crate::plugin::ResolvedPlugin;
use crate::process::{ExitReport, ForwardLimits, SpawnerClient};

/// The size of a block as the kernel counts storage I/O (getrusage(2)).
const BLOCK: u64 = 512;

/// Carries executions in fresh processes.
#[derive(Debug)]
pub(super) struct SubprocessCarrier {
    spawner: SpawnerClient,
    defaults: WorkerDefaults,
    announcer: Announcer,
    spawned: AtomicU64,
    crashed: AtomicU64,
    alive: AtomicU64,
}

/// Counts a worker as alive until it is dropped.
struct Alive<'a>(&'a AtomicU64);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl SubprocessCarrier {
    pub(super) fn new(spawner: SpawnerClient, config: &BackendConfig, announcer: Announcer) -> Self {
        let defaults = WorkerDefaults {
            worker_program: config.worker_program.clone(),
            handshake: config.handshake,
            capabilities: HostCapabilities::probe(),
        };
        Self {
            spawner,
            defaults,
            announcer,
            spawned: AtomicU64::new(0),
            crashed: AtomicU64::new(0),
            alive: AtomicU64::new(0),
        }
    }

    fn count_alive(&self) -> Alive<'_> {
        self.spawned.fetch_add(1, Ordering::AcqRel);
        self.alive.fetch_add(1, Ordering::AcqRel);
        Alive(&self.alive)
    }

    async fn attach(&self, job: &Job) -> Result<Attached, ExecutionError> {
        let work = job.descriptor.workspace.as_deref().unwrap_or(&job.temp_dir);
        let places = Places { work, temporary: &job.temp_dir };
        let permissions = job.port.gate().permissions();
        let spawn = self.defaults.spec(&job.plugin, &job.limits, permissions, places).map_err(|error| {
            ExecutionError::new(ErrorCode::SpawnFailed, "the host's own program is not known")
                .with_chain(vec![ErrorChain(&error).to_string()])
        })?;
        let mut output = ForwardLimits::default();
        if let Some(limit) = job.limits.output {
            output.bytes_in_all = limit.bytes();
        }
        let manifest = &job.plugin.manifest;
        let spec = AttachSpec {
            spawn,
            handshake: self.defaults.handshake,
            max_payload: payload_limit(job),
            output,
            port: Some(job.port.clone()),
            expected: (manifest.id.to_string(), manifest.version.to_string()),
        };
        attach(&self.spawner, spec).await.map_err(|error| match error {
            AttachError::Failed(error) => error,
            AttachError::Cancelled(reason) => {
                crate::engine::StopDecision { reason }.error(job, "its worker was being started")
            }
        })
    }

    async fn run(&self, job: &Job, id: WorkerId, attached: Attached, spawn: Duration) -> Carried {
        let start = Instant::now();
        let mut clock = StopClock::start(job, start);
        let takes_input = takes_input(&attached, job);
        let end = drive(job, &attached.worker, &id, &attached.end, takes_input, &mut clock).await;
        let run = start.elapsed();
        let sandbox = attached.sandbox.clone();
        let answered = matches!(end, CallEnd::Answer(_) | CallEnd::Stopped(_));
        // A worker whose channel closed may be on its way out by itself, and how it ends is the cause.
        let leaving = match &end {
            CallEnd::Died | CallEnd::Left(_) => true,
            CallEnd::Broken(cause) => is_close(cause),
            _ => false,
        };
        let (exit, killed, tail) = attached.end(answered || leaving).await;
        let result = self.result(job, &id, end, &exit, killed, tail);
        let mut carried = Carried::new(result);
        carried.spawn = Some(spawn);
        carried.run = Some(run);
        carried.usage = usage(&exit);
        carried.worker = Some(id.clone());
        carried.start = Some(WorkerStart::Cold);
        carried.sandbox = sandbox;
        carried.killed = killed;
        self.announcer.announce(BackendEvent::Exited { worker: id });
        carried
    }

    fn result(
        &self,
        job: &Job,
        id: &WorkerId,
        end: CallEnd,
        exit: &ExitReport,
        killed: bool,
        tail: Vec<String>,
    ) -> Result<Payload, ExecutionError> {
        let by_itself = (!killed).then_some(exit);
        let error = match end {
            CallEnd::Answer(Ok(payload)) => {
                return limit::check_payload("the result", payload.len(), payload_limit(job))
                    .map(|()| payload);
            }
            CallEnd::Answer(Err(error)) => return Err(error),
            CallEnd::Stopped(stop) => return Err(stop.error(job, "it stopped when asked")),
            CallEnd::Left(stop) => {
                let error = stop.error(job, "its worker ended without an answer").with_stderr_tail(tail);
                return Err(if killed { error } else { error.with_cause(failure::crash_cause(exit)) });
            }
            CallEnd::Deaf(stop) => {
                let grace = plugdock_contracts::span::format_span(job.timeouts.grace());
                let cause = CrashCause::Killed { reason: failure::kill_reason(&stop.reason) };
                let how = format!("asked to stop, it did not within {grace} and was killed");
                return Err(stop.error(job, &how).with_cause(cause).with_stderr_tail(tail));
            }
            CallEnd::Broken(cause) => failure::broken(&cause, by_itself, tail),
            CallEnd::Died => failure::broken(&LinkError::Closed, Some(exit), tail),
        };
        self.crashed.fetch_add(1, Ordering::AcqRel);
        if let Some(cause) = error.cause() {
            let (worker, plugin, cause) = (id.clone(), job.plugin.manifest.id.clone(), cause.clone());
            self.announcer.announce(BackendEvent::Crashed { worker, plugin, cause });
        }
        Err(error)
    }
}

/// Whether a connection ended as it does when its worker ends.
fn is_close(cause: &LinkError) -> bool {
    matches!(
        cause,
        LinkError::Closed | LinkError::Truncated { .. } | LinkError::Read(_) | LinkError::Write(_)
    )
}

fn payload_limit(job: &Job) -> u64 {
    job.limits.payload.map_or(limit::DEFAULT_MAX_PAYLOAD, plugdock_contracts::ByteSize::bytes)
}

fn takes_input(attached: &Attached, job: &Job) -> bool {
    let handler = job.descriptor.handler.as_str();
    let kind = attached
        .hello
        .handlers
        .iter()
        .find(|info| info.name == handler)
        .map(|info| describe::kind(info.kind));
    kind == Some(HandlerKind::Channel)
}

fn usage(exit: &ExitReport) -> Usage {
    let mut usage = Usage::default();
    if let Some(measured) = exit.usage {
        usage.cpu_user = Some(measured.cpu_user);
        usage.cpu_system = Some(measured.cpu_system);
        usage.peak_resident_bytes = Some(measured.max_rss_bytes);
        usage.read_bytes = Some(measured.blocks_read * BLOCK);
        usage.written_bytes = Some(measured.blocks_written * BLOCK);
    }
    usage
}

impl Carrier for SubprocessCarrier {
    fn kind(&self) -> BackendKind {
        BackendKind::Subprocess
    }

    fn isolation(&self) -> Isolation {
        Isolation::Subprocess
    }

    fn carry<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Carried> {
        Box::pin(async move {
            if let Err(error) = limit::check_payload("the input", job.request.input.len(), payload_limit(job))
            {
                return Carried::new(Err(error));
            }
            let start = Instant::now();
            let attached = match self.attach(job).await {
                Ok(attached) => attached,
                Err(error) => return Carried::new(Err(error)),
            };
            let spawn = start.elapsed();
            let _alive = self.count_alive();
            let id = WorkerId::generate();
            let pid = u32::try_from(attached.worker.pid()).unwrap_or(0);
            let plugin = job.plugin.manifest.id.clone();
            self.announcer.announce(BackendEvent::Spawned { worker: id.clone(), plugin, pid });
            self.announcer.announce(BackendEvent::Ready { worker: id.clone() });
            self.run(job, id, attached, spawn).await
        })
    }

    fn describe<'a>(
        &'a self,
        plugin: &'a ResolvedPlugin,
        dir: &'a Path,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(describe::ask(&self.spawner, &self.defaults, plugin, dir))
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        // A spawner that was lost is started again by the next execution.
        Box::pin(std::future::ready(HealthReport::of(Vec::new())))
    }

    fn worker_counts(&self) -> (u64, u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        (read(&self.spawned), read(&self.crashed), read(&self.alive))
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.spawner.shutdown())
    }
}
