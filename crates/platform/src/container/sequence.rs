//! The order of starting and stopping: services as they were given, the backend first to stop, then services in reverse.
//! It knows services by their lifecycle only. What it did is kept, so that a call that is cut off can be made again.

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::{ExecutionBackend, Shutdown, ShutdownReport};

use super::lifecycle::Lifecycle;
use super::lifecycle_step::{LifecycleFailure, LifecycleStep, run_step};

/// How the backend is called in reports.
const BACKEND: &str = "execution backend";

/// What a shutdown of the platform met.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PlatformReport {
    /// What the backend says; none without a backend, and none if its shutdown failed.
    pub backend: Option<ShutdownReport>,
    /// Services that stopped as they should, in the order they did.
    pub stopped: Vec<String>,
    /// Everything that did not stop as it should.
    pub failures: Vec<LifecycleFailure>,
}

/// Why a platform did not start.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A service did not start, so those started before it were stopped again.
    #[error("start the platform; what had started was stopped again{}", if failures.is_empty() { "" } else { ", not all of it cleanly" })]
    Service {
        /// Why it did not start.
        #[source]
        failure: LifecycleFailure,
        /// Services that were stopped again, in the order they were.
        stopped: Vec<String>,
        /// Services that did not stop as they should.
        failures: Vec<LifecycleFailure>,
    },
    /// It was shut down before.
    #[error("start the platform: it was shut down, make a new one")]
    ShutDown,
}

/// Where a platform is between start and stop.
pub(super) struct Sequence {
    managed: Vec<(String, Arc<dyn Lifecycle>)>,
    /// So many of `managed`, from the front, are started.
    n_started: usize,
    /// A shutdown began: nothing is started any more.
    closed: bool,
    backend_stopped: bool,
    report: PlatformReport,
}

impl Sequence {
    pub(super) fn new(managed: Vec<(String, Arc<dyn Lifecycle>)>) -> Self {
        Self {
            managed,
            n_started: 0,
            closed: false,
            backend_stopped: false,
            report: PlatformReport::default(),
        }
    }

    /// Starts what is not started yet, in order.
    pub(super) async fn start(&mut self, each_within: Duration) -> Result<(), StartError> {
        if self.closed {
            return Err(StartError::ShutDown);
        }
        while let Some((name, service)) = self.managed.get(self.n_started) {
            match run_step(name, LifecycleStep::Start, each_within, || service.start()).await {
                Ok(()) => self.n_started += 1,
                Err(failure) => {
                    self.stop_services(each_within).await;
                    let PlatformReport { stopped, failures, .. } = std::mem::take(&mut self.report);
                    return Err(StartError::Service { failure, stopped, failures });
                }
            }
        }
        Ok(())
    }

    /// Stops what is not stopped yet, and tells all that was.
    pub(super) async fn stop(
        &mut self,
        backend: Option<Arc<dyn ExecutionBackend>>,
        how: Shutdown,
        each_within: Duration,
    ) -> PlatformReport {
        self.closed = true;
        if let Some(backend) = backend.filter(|_| !self.backend_stopped) {
            // A drain has its own time, and the backend must still be able to kill after it.
            let within = match how {
                Shutdown::Drain(drain) => drain.saturating_add(each_within),
                _ => each_within,
            };
            let step = run_step(BACKEND, LifecycleStep::Stop, within, || {
                let ended = backend.shutdown(how);
                async move { Ok(ended.await) }
            });
            match step.await {
                Ok(report) => self.report.backend = Some(report),
                Err(failure) => self.report.failures.push(failure),
            }
        }
        self.backend_stopped = true;
        self.stop_services(each_within).await;
        self.report.clone()
    }

    async fn stop_services(&mut self, each_within: Duration) {
        while let Some(last) = self.n_started.checked_sub(1) {
            let (name, service) = &self.managed[last];
            match run_step(name, LifecycleStep::Stop, each_within, || service.stop(each_within)).await {
                Ok(()) => self.report.stopped.push(name.clone()),
                Err(failure) => self.report.failures.push(failure),
            }
            self.n_started = last;
        }
    }
}
