//! The order of starting: log, services, backend, backend into the platform. What was started is undone when a later step fails.
//! How a backend is made is handed in; this file knows the order only.

use std::sync::Arc;

use plugdock_contracts::{BackendKind, ErrorCode, ExecutionBackend, ExecutionError, Shutdown};
use plugdock_platform::{Platform, PlatformBuilder, PlatformError};

use crate::config::RuntimeConfig;
use crate::selection::{BackendChoice, Offer, Plan, plan};
use crate::service_wiring::{ServiceWiringError, services};
use crate::tracing_setup::{TracingError, install};

/// The host did not start. What had started was stopped again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The log could not be set up.
    #[error("failed to set up the log")]
    Log(#[source] TracingError),
    /// A service could not be made.
    #[error("failed to make the platform's services")]
    Services(#[source] ServiceWiringError),
    /// A service did not start.
    #[error("failed to start the platform's services")]
    Platform(#[source] plugdock_platform::StartError),
    /// No backend fits the mode, or it could not be made.
    #[error("failed to make the execution backend")]
    Backend(#[source] ExecutionError),
}

impl StartError {
    /// The stable code: the backend's own, else `VALIDATION_ERROR`, because the rest follows from the configuration.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Backend(error) => error.code().clone(),
            Self::Log(_) | Self::Services(_) | Self::Platform(_) => ErrorCode::ValidationError,
        }
    }
}

/// What a start made.
pub(crate) struct Started {
    pub(crate) platform: Arc<Platform>,
    pub(crate) backend: Arc<dyn ExecutionBackend>,
    pub(crate) choice: BackendChoice,
}

/// Starts everything in order.
pub(crate) async fn start_in_order<F, M>(
    config: &RuntimeConfig,
    offer: Offer,
    extend: impl FnOnce(PlatformBuilder) -> Result<PlatformBuilder, PlatformError>,
    make_backend: M,
) -> Result<Started, StartError>
where
    F: Future<Output = Result<Arc<dyn ExecutionBackend>, ExecutionError>>,
    M: Fn(BackendKind, Arc<Platform>) -> F,
{
    set_up_log(config)?;
    // A mode that cannot be is refused before anything is touched.
    let plan = plan(config.execution().mode, offer).map_err(StartError::Backend)?;
    let platform = Arc::new(open_platform(config, extend).await?);
    platform.start(config.platform().service_timeout).await.map_err(StartError::Platform)?;
    let made = make(&plan, config, &platform, make_backend).await;
    let installed =
        made.and_then(|(backend, choice)| match platform.init_execution_backend(Arc::clone(&backend)) {
            Ok(()) => Ok(Started { platform: Arc::clone(&platform), backend, choice }),
            Err(error) => Err(ExecutionError::from_error(ErrorCode::UnknownError, &error)),
        });
    match installed {
        Ok(started) => {
            tracing::info!(backend = %started.choice.kind, reason = started.choice.reason, "the host is ready");
            Ok(started)
        }
        Err(error) => {
            let report = platform.shutdown(Shutdown::Now, config.platform().service_timeout).await;
            for failure in &report.failures {
                tracing::warn!(error = %plugdock_contracts::ErrorChain(failure), "a service did not stop after a failed start");
            }
            Err(StartError::Backend(error))
        }
    }
}

fn set_up_log(config: &RuntimeConfig) -> Result<(), StartError> {
    match install(config.log()) {
        Ok(_installed) => Ok(()),
        // The host brought its own subscriber, which is as good.
        Err(TracingError::AlreadySet) => Ok(()),
        Err(error) => Err(StartError::Log(error)),
    }
}

async fn open_platform(
    config: &RuntimeConfig,
    extend: impl FnOnce(PlatformBuilder) -> Result<PlatformBuilder, PlatformError>,
) -> Result<Platform, StartError> {
    let config = config.clone();
    // Opening the state reads and writes the disk.
    let opened = tokio::task::spawn_blocking(move || services(&config)).await;
    let builder = match opened {
        Ok(opened) => opened.map_err(StartError::Services)?,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    };
    extend(builder)
        .map(PlatformBuilder::build)
        .map_err(|error| StartError::Services(ServiceWiringError::Platform(error)))
}

async fn make<F, M>(
    plan: &Plan,
    config: &RuntimeConfig,
    platform: &Arc<Platform>,
    make_backend: M,
) -> Result<(Arc<dyn ExecutionBackend>, BackendChoice), ExecutionError>
where
    F: Future<Output = Result<Arc<dyn ExecutionBackend>, ExecutionError>>,
    M: Fn(BackendKind, Arc<Platform>) -> F,
{
    let mode = config.execution().mode;
    match make_backend(plan.kind, Arc::clone(platform)).await {
        Ok(backend) => Ok((
            backend,
            BackendChoice { kind: plan.kind, mode, reason: plan.reason.to_owned(), instead_of: None },
        )),
        Err(error) if plan.or_in_process => {
            tracing::warn!(%error, "worker processes cannot be started; linked plugins run in the host's own process");
            let kind = BackendKind::InProcess;
            let backend = make_backend(kind, Arc::clone(platform)).await?;
            let reason =
                "auto: worker processes cannot be started, and plugins are linked into the host".to_owned();
            Ok((backend, BackendChoice { kind, mode, reason, instead_of: Some(error) }))
        }
        Err(error) => Err(error),
    }
}
