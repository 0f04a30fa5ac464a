//! A running host: its platform, its backend, and its orderly end.
//! It is made by one start and ended by one shutdown; signals are heard only while somebody waits for them.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use plugdock_contracts::{ExecutionBackend, Shutdown};
use plugdock_platform::{Platform, PlatformBuilder, PlatformError};
use plugdock_plugin_runtime::Registry;

use crate::backend_wiring;
use crate::config::RuntimeConfig;
use crate::report::RuntimeReport;
use crate::selection::{BackendChoice, Offer};
use crate::signal::StopSignals;
use crate::start::{StartError, Started, start_in_order};

/// A host that is ready to run handlers.
///
/// Dropping it does not stop it: call [`shutdown`](Self::shutdown) or [`run_until_signal`](Self::run_until_signal).
pub struct CoreRuntime {
    config: RuntimeConfig,
    platform: Arc<Platform>,
    backend: Arc<dyn ExecutionBackend>,
    choice: BackendChoice,
}

impl CoreRuntime {
    /// Starts a host: log, platform services, backend, and the backend into the platform, in this order. When a step
    /// fails, what had started is stopped again in reverse.
    ///
    /// The log is set up as `log.format` says, unless the program has a `tracing` subscriber already.
    ///
    /// # Errors
    /// [`StartError`] names the step.
    pub async fn start(config: RuntimeConfig, registry: Registry) -> Result<Self, StartError> {
        Self::start_with(config, registry, Ok).await
    }

    /// The same with further services, or others in place of the embedded ones.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_with(
        config: RuntimeConfig,
        registry: Registry,
        extend: impl FnOnce(PlatformBuilder) -> Result<PlatformBuilder, PlatformError>,
    ) -> Result<Self, StartError> {
        let offer =
            Offer { processes: cfg!(target_os = "linux"), linked: backend_wiring::has_plugins(&registry) };
        let make = |kind, platform| backend_wiring::backend(kind, &config, registry.clone(), platform);
        let Started { platform, backend, choice } = start_in_order(&config, offer, extend, make).await?;
        Ok(Self { config, platform, backend, choice })
    }

    /// A host made of parts that a test chose.
    #[cfg(test)]
    pub(crate) fn of_parts(
        config: RuntimeConfig,
        platform: Arc<Platform>,
        backend: Arc<dyn ExecutionBackend>,
        choice: BackendChoice,
    ) -> Self {
        Self { config, platform, backend, choice }
    }

    /// What runs executions.
    pub fn backend(&self) -> &Arc<dyn ExecutionBackend> {
        &self.backend
    }

    /// The services.
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }

    /// Which backend was chosen, and why.
    pub fn choice(&self) -> &BackendChoice {
        &self.choice
    }

    /// The configuration that holds.
    pub fn config(&self) -> &RuntimeConfig {
        &self.config
    }

    /// Stops: the backend as `how` says, then the services in reverse order. A second call gets the same answer.
    pub async fn shutdown(&self, how: Shutdown) -> RuntimeReport {
        let began = Instant::now();
        let platform = self.platform.shutdown(how, self.config.platform().service_timeout).await;
        RuntimeReport { platform, took: began.elapsed(), ..RuntimeReport::default() }
    }

    /// Waits for SIGINT or SIGTERM, then lets what runs finish within `shutdown.drain`. A second signal cancels and
    /// kills at once.
    ///
    /// # Errors
    /// When the system refuses to deliver signals to us. The host runs on then.
    pub async fn run_until_signal(&self) -> io::Result<RuntimeReport> {
        Ok(self.run_until(StopSignals::listen()?).await)
    }

    pub(crate) async fn run_until(&self, mut signals: StopSignals) -> RuntimeReport {
        let signal = signals.next().await;
        let drain = self.config.shutdown().drain;
        tracing::info!(%signal, ?drain, "stopping; a second signal stops at once");
        let mut report = {
            let mut stopping = std::pin::pin!(self.shutdown(Shutdown::Drain(drain)));
            tokio::select! {
                // In order: the drain begins before a second signal can cut it short.
                biased;
                report = &mut stopping => report,
                second = signals.next() => {
                    tracing::warn!(signal = %second, "stopping at once");
                    // The drain under way sees its executions end, and goes on to the services.
                    let (_answer, report) = tokio::join!(self.backend.shutdown(Shutdown::Now), stopping);
                    RuntimeReport { cut_short: true, ..report }
                }
            }
        };
        report.signal = Some(signal);
        report
    }
}

impl fmt::Debug for CoreRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreRuntime")
            .field("choice", &self.choice)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}
