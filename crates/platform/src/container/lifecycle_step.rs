//! One step of starting or stopping: run within a time, its failure told apart as error, time-out or panic.
//! It knows nothing of order.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use plugdock_contracts::span::format_span;

use super::lifecycle::LifecycleError;

/// Which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleStep {
    /// A service gets ready.
    Start,
    /// A service, or the backend, ends.
    Stop,
}

impl fmt::Display for LifecycleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Start => "start",
            Self::Stop => "stop",
        })
    }
}

/// A step that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleFailure {
    /// The service said so.
    #[error("{step} `{service}`")]
    Failed {
        /// The service.
        service: String,
        /// Which step.
        step: LifecycleStep,
        /// What it said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long and was given up.
    #[error("{step} `{service}` within {}", format_span(*.limit))]
    TimedOut {
        /// The service.
        service: String,
        /// Which step.
        step: LifecycleStep,
        /// How long it had.
        limit: Duration,
    },
    /// It panicked.
    #[error("{step} `{service}`, which panicked: {message}")]
    Panicked {
        /// The service.
        service: String,
        /// Which step.
        step: LifecycleStep,
        /// What the panic said.
        message: String,
    },
}

impl LifecycleFailure {
    /// The service.
    pub fn service(&self) -> &str {
        match self {
            Self::Failed { service, .. }
            | Self::TimedOut { service, .. }
            | Self::Panicked { service, .. } => service,
        }
    }
}

/// Runs a step to its end or the end of its time. A panic while it is made or polled is a failure of this step alone.
pub(super) async fn run_step<F, T>(
    service: &str,
    step: LifecycleStep,
    limit: Duration,
    make: impl FnOnce() -> F,
) -> Result<T, LifecycleFailure>
where
    F: Future<Output = Result<T, LifecycleError>>,
{
    let service = || service.to_owned();
    match tokio::time::timeout(limit, caught(make)).await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) => {
            Err(LifecycleFailure::Failed { service: service(), step, source: error.into() })
        }
        Ok(Err(message)) => Err(LifecycleFailure::Panicked { service: service(), step, message }),
        Err(_elapsed) => Err(LifecycleFailure::TimedOut { service: service(), step, limit }),
    }
}

/// Makes and awaits a future; a panic becomes its message. A future that panicked is not polled again.
async fn caught<F: Future>(make: impl FnOnce() -> F) -> Result<F::Output, String> {
    let future = catch_unwind(AssertUnwindSafe(make)).map_err(|panic| panic_message(&*panic))?;
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic_message(&*panic))),
    })
    .await
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it gave no text".to_owned())
}
