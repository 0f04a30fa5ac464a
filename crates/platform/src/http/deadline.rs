//! When a request has to be over, and what bounds it.
//! It knows no steps; whoever waits says for what.

use std::time::Duration;

use plugdock_contracts::service::ServiceError;
use tokio::time::{Instant, timeout_at};

use super::failure::{self, Step};

/// The end of a request's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// The tightest of the host's, the request's and the execution's bound, from now on.
    pub(super) fn tightest(host: Duration, request: Option<Duration>, remaining: Option<Duration>) -> Self {
        let limit = [request, remaining].into_iter().flatten().fold(host, Duration::min);
        Self { at: Instant::now() + limit, limit }
    }

    /// How long it was when it was made.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether nothing of it is left.
    pub(super) fn is_over(&self) -> bool {
        self.at <= Instant::now()
    }

    /// Waits until then; `None` if it was not enough.
    pub(super) async fn wait<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.at, wait).await.ok()
    }

    /// Does a step until then, or says which step of which host took too long.
    pub(super) async fn bound<T>(
        &self,
        step: Step,
        origin: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, ServiceError> {
        self.wait(work).await.ok_or_else(|| failure::too_slow(step, origin, self.limit))
    }

    /// The same with a bound of the step's own, where that is tighter.
    pub(super) fn at_most(&self, limit: Duration) -> Self {
        let own = Instant::now() + limit;
        if own < self.at { Self { at: own, limit } } else { *self }
    }
}
