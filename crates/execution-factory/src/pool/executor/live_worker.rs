//! A worker process of the pool: runs calls, answers checks, and goes when it is told to.
//! Which call runs on it, and when it goes, is decided elsewhere.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plugdock_contracts::error::{CrashCause, KillReason};
use plugdock_contracts::outcome::{SandboxReport, WorkerStart};
use plugdock_contracts::{BoxFuture, CancelReason, HandlerId, WorkerId};
use plugdock_ipc::SendError;
use plugdock_ipc::frame::{HealthLevel, Hello};
use plugdock_ipc::link::host::HostEnd;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::keeper::{Body, Ending, Remains, keep};
use super::meter::Meter;
use super::{Begun, Called, CheckAnswer, HandlerTraits, PoolWorker, Sample, WorkerAfter, WorkerEnd};
use crate::engine::{Carried, Job, StopClock};
use crate::limit;
use crate::process::printable;
use crate::worker::{
    Attached, CallEnd, Death, Drove, OutputDesk, cpu_of, drive, kill_reason, output_limits, payload_limit,
    resident_of, takes_input,
};

/// A worker process that is ready for calls. Dropping it kills the process; its keeper still clears up behind it.
pub(super) struct LiveWorker {
    id: WorkerId,
    hello: Hello,
    concurrent: Arc<BTreeSet<HandlerId>>,
    sandbox: SandboxReport,
    /// Processor time after which the kernel ends it.
    cpu_limit: Option<Duration>,
    area: String,
    body: Arc<Body>,
    desk: OutputDesk,
    meter: Meter,
    /// It was given a call before.
    served: AtomicBool,
    ended: watch::Receiver<Option<Arc<Ending>>>,
    keeper: JoinSet<()>,
}

impl LiveWorker {
    /// Takes over a worker that was introduced, with the directory that it works in.
    pub(super) fn new(
        id: WorkerId,
        attached: Attached,
        lease: Box<dyn plugdock_contracts::workspace::WorkspaceLease>,
        cpu_limit: Option<Duration>,
        area: String,
    ) -> Self {
        let Attached { worker, end, hello, sandbox, output, listener, link } = attached;
        drop(listener);
        // A name that is no handler's is one that nobody can call.
        let concurrent = hello.handlers.iter().filter(|info| info.concurrent);
        let concurrent = Arc::new(concurrent.filter_map(|info| HandlerId::new(&info.name).ok()).collect());
        let body = Arc::new(Body::new(worker, end));
        let desk = output.desk().clone();
        let (told, ended) = watch::channel(None);
        let mut keeper = JoinSet::new();
        keeper.spawn(keep(Arc::clone(&body), Remains { output, link, lease }, told));
        Self {
            id,
            hello,
            concurrent,
            sandbox,
            cpu_limit,
            area,
            body,
            desk,
            meter: Meter::default(),
            served: AtomicBool::new(false),
            ended,
            keeper,
        }
    }

    async fn run(&self, job: &Job) -> Called {
        if let Err(error) = limit::check_payload("the input", job.request.input.len(), payload_limit(job)) {
            let carried = Carried::new(Err(error));
            return Called { carried, worker: WorkerAfter::Fine, begun: Begun::No };
        }
        let served = self.served.swap(true, Ordering::AcqRel);
        let listener = self.desk.listen(job.port.clone(), output_limits(job));
        let Body { process, end, .. } = &*self.body;
        let turn = self.meter.begin(cpu_of(process));
        let start = Instant::now();
        let mut clock = StopClock::start(job, start);
        let takes_input = takes_input(&self.hello, job);
        let Drove { end, unbegun } = drive(job, process, &self.id, end, takes_input, &mut clock).await;
        let run = start.elapsed();
        let cpu = turn.end(cpu_of(process));
        let (worker, ending) = self.after(&end, unbegun).await;
        let tail = listener.settle();
        let death = match ending {
            Some(ending) => ending.death(tail),
            None => Death { tail, ..Death::default() },
        };
        let killed = death.forced || death.reason.is_some();
        let mut carried = Carried::new(end.into_result(job, death));
        carried.run = Some(run);
        carried.usage.cpu_total = cpu;
        carried.worker = Some(self.id.clone());
        carried.start = Some(if served { WorkerStart::Warm } else { WorkerStart::Cold });
        carried.sandbox = self.sandbox.clone();
        carried.killed = killed;
        carried.attempts.started = u32::from(!unbegun);
        Called { carried, worker, begun: if unbegun { Begun::No } else { Begun::Perhaps } }
    }

    /// What becomes of the worker by the end of a call. One that is no good is dead when this returns.
    async fn after(&self, end: &CallEnd, unbegun: bool) -> (WorkerAfter, Option<Arc<Ending>>) {
        match end {
            CallEnd::Answer(_) => return (WorkerAfter::Fine, None),
            CallEnd::Stopped(stop) | CallEnd::Unsent(stop) => {
                // One that ran over, or took nothing for so long, may do so again.
                let is_over = stop.reason == CancelReason::Timeout;
                return (if is_over { WorkerAfter::Tainted } else { WorkerAfter::Fine }, None);
            }
            CallEnd::Deaf(stop) => self.body.kill(kill_reason(&stop.reason)),
            // It was told to go before the call came. Other calls may still run there, and are not waited for.
            CallEnd::Broken(_) if unbegun && self.body.is_retiring() => return (WorkerAfter::Gone, None),
            // Its keeper sees the same, and ends it if need be.
            CallEnd::Left(_) | CallEnd::Broken(_) | CallEnd::Died => {}
        }
        (WorkerAfter::Gone, wait_for_end(self.ended.clone()).await)
    }
}

/// Waits for the end; none when the runtime that would tell it is gone.
async fn wait_for_end(mut ended: watch::Receiver<Option<Arc<Ending>>>) -> Option<Arc<Ending>> {
    ended.wait_for(Option::is_some).await.ok().and_then(|ending| ending.clone())
}

impl PoolWorker for LiveWorker {
    fn pid(&self) -> u32 {
        u32::try_from(self.body.process.pid()).unwrap_or(0)
    }

    fn traits_of(&self, handler: &HandlerId) -> HandlerTraits {
        let found = self.hello.handlers.iter().find(|info| info.name == handler.as_str());
        found.map_or_else(HandlerTraits::default, |info| HandlerTraits {
            concurrent: info.concurrent,
            idempotent: info.idempotent,
        })
    }

    fn concurrent(&self) -> Arc<BTreeSet<HandlerId>> {
        Arc::clone(&self.concurrent)
    }

    fn call<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Called> {
        Box::pin(self.run(job))
    }

    fn area(&self) -> Option<String> {
        Some(self.area.clone())
    }

    fn check(&self, busy: bool) -> BoxFuture<'static, CheckAnswer> {
        let end = self.body.end.clone();
        Box::pin(async move { check(&end, busy).await.unwrap_or_else(|error| unanswered(&error)) })
    }

    fn sample(&self) -> Sample {
        let process = &self.body.process;
        let cpu = cpu_of(process);
        let cpu_spent = self.cpu_limit.zip(cpu).is_some_and(|(limit, used)| used >= limit / 2);
        Sample { resident: resident_of(process), cpu, cpu_spent }
    }

    fn retire(&self, within: Duration) {
        self.body.retire(within);
    }

    fn kill(&self, reason: KillReason) {
        self.body.kill(reason);
    }

    fn ended(&self) -> BoxFuture<'static, WorkerEnd> {
        let ended = self.ended.clone();
        Box::pin(async move {
            match wait_for_end(ended).await {
                Some(ending) => ending.end.clone(),
                // Nobody is left who could say how; the process went with the spawner.
                None => WorkerEnd { cause: CrashCause::SpawnerLost, expected: true, tail: Vec::new() },
            }
        })
    }
}

async fn check(end: &HostEnd, busy: bool) -> Result<CheckAnswer, SendError> {
    end.ping().await?;
    if busy {
        return Ok(CheckAnswer::Healthy);
    }
    let report = end.health().await?;
    let detail = printable(report.detail.as_bytes());
    Ok(match report.level {
        HealthLevel::Healthy => CheckAnswer::Healthy,
        HealthLevel::Degraded => CheckAnswer::Degraded(detail),
        HealthLevel::Unhealthy => CheckAnswer::Unhealthy(detail),
    })
}

fn unanswered(error: &SendError) -> CheckAnswer {
    match error {
        SendError::Link(_) => CheckAnswer::Gone,
        // It left so many without an answer that one more is not sent.
        other => CheckAnswer::Unhealthy(other.to_string()),
    }
}

impl fmt::Debug for LiveWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveWorker").field("id", &self.id).field("pid", &self.pid()).finish_non_exhaustive()
    }
}

impl Drop for LiveWorker {
    fn drop(&mut self) {
        if self.ended.borrow().is_none() {
            self.body.kill(KillReason::Shutdown);
        }
        // The keeper ends soon after the process, and must live to remove the directory.
        self.keeper.detach_all();
    }
}
