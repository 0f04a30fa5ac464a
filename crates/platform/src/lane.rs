//! Runs a service's blocking work beside the async runtime, a bounded number at a time, and stops it in an orderly way.
//! It knows nothing of the work; what runs is never cut off, only what waits for its turn.

use std::sync::Arc;

use plugdock_contracts::service::{ServiceError, ServiceScope};
use plugdock_contracts::{ErrorCode, ExecutionError};
use tokio::sync::{RwLock, Semaphore};

/// The service was stopped.
#[derive(Debug, thiserror::Error)]
#[error("the service was stopped")]
struct Stopped;

/// A bounded number of blocking jobs of one service.
#[derive(Debug)]
pub(crate) struct Lane {
    service: &'static str,
    turns: Arc<Semaphore>,
    /// Whether it was stopped. Jobs hold it for reading while they run, so that who may write knows that none does.
    stopped: Arc<RwLock<bool>>,
}

impl Lane {
    /// A lane in which `width` jobs run at one time.
    pub(crate) fn new(service: &'static str, width: u32) -> Self {
        // A semaphore's capacity is some bits less than `usize`, far above any `u32`.
        let turns = Arc::new(Semaphore::new(usize::try_from(width).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { service, turns, stopped: Arc::default() }
    }

    /// Runs a job in its turn. Waiting ends with the scope's time; a job that began runs to its end,
    /// also when the future is dropped.
    pub(crate) async fn run<T, F>(
        &self,
        scope: &ServiceScope,
        action: &'static str,
        job: F,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, ServiceError> + Send + 'static,
    {
        let service = self.service;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ServiceError::Failed {
            service,
            action,
            source,
        };
        let turn = within(service, scope, action, Arc::clone(&self.turns).acquire_owned()).await?;
        let turn = turn.map_err(|_closed| failed(Stopped.into()))?;
        // It cannot be read only while the lane is being stopped.
        let running = match Arc::clone(&self.stopped).try_read_owned() {
            Ok(stopped) if !*stopped => stopped,
            _ => return Err(failed(Stopped.into())),
        };
        // Both go with the job, so that a job whose caller went away still counts.
        let job = move || {
            let result = job();
            drop((running, turn));
            result
        };
        match tokio::task::spawn_blocking(job).await {
            Ok(result) => result,
            Err(panicked) => Err(failed(panicked.into())),
        }
    }

    /// Lets running jobs end, and refuses those that wait and every later one. Cancel safe; a second call returns at once.
    pub(crate) async fn stop(&self) {
        self.turns.close();
        *self.stopped.write().await = true;
    }
}

/// Waits for something at most as long as the scope's time lasts.
pub(crate) async fn within<T>(
    service: &'static str,
    scope: &ServiceScope,
    action: &'static str,
    wait: impl Future<Output = T>,
) -> Result<T, ServiceError> {
    match scope.remaining {
        None => Ok(wait.await),
        Some(remaining) if remaining.is_zero() => Err(out_of_time(service, action)),
        Some(remaining) => {
            tokio::time::timeout(remaining, wait).await.map_err(|_elapsed| out_of_time(service, action))
        }
    }
}

fn out_of_time(service: &'static str, action: &'static str) -> ServiceError {
    let message = format!("{service}: the execution's time was over before its turn came to {action}");
    ServiceError::Execution(ExecutionError::new(ErrorCode::Timeout, message))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use plugdock_contracts::{ExecutionId, PluginId};

    fn scope(remaining: Option<Duration>) -> ServiceScope {
        let mut scope = ServiceScope::new(PluginId::new("a/b").unwrap(), None, ExecutionId::generate());
        scope.remaining = remaining;
        scope
    }

    #[tokio::test]
    async fn waiting_for_a_turn_ends_with_the_scope() {
        let lane = Arc::new(Lane::new("state", 1));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let first = {
            let (lane, scope) = (Arc::clone(&lane), scope(None));
            async move { lane.run(&scope, "hold", move || Ok(held.recv().is_ok())).await }
        };
        let second = async {
            let scope = scope(Some(Duration::from_millis(1)));
            let waited = lane.run(&scope, "work", || Ok(())).await;
            release.send(()).unwrap();
            waited
        };
        let (first, second) = tokio::join!(first, second);
        assert!(first.unwrap());
        assert!(matches!(second, Err(ServiceError::Execution(error)) if *error.code() == ErrorCode::Timeout));
    }

    #[tokio::test]
    async fn no_time_left_means_no_work() {
        let lane = Lane::new("state", 1);
        let result = lane.run(&scope(Some(Duration::ZERO)), "work", || Ok(())).await;
        assert!(matches!(result, Err(ServiceError::Execution(error)) if *error.code() == ErrorCode::Timeout));
    }

    #[tokio::test]
    async fn a_stopped_lane_refuses() {
        let lane = Lane::new("state", 2);
        lane.stop().await;
        lane.stop().await;
        let result = lane.run(&scope(None), "work", || Ok(())).await;
        assert!(matches!(result, Err(ServiceError::Failed { service: "state", action: "work", .. })));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_frees_the_turn() {
        let lane = Lane::new("state", 1);
        let result: Result<(), _> = lane.run(&scope(None), "work", || panic!("broken")).await;
        assert!(matches!(result, Err(ServiceError::Failed { .. })));
        assert!(lane.run(&scope(None), "work", || Ok(7)).await.is_ok_and(|seven| seven == 7));
    }

    #[tokio::test]
    async fn stopping_waits_for_a_job_whose_caller_went_away() {
        let lane = Lane::new("state", 2);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let scope = scope(None);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        {
            let mut job = std::pin::pin!(lane.run(&scope, "hold", move || Ok(held.recv().is_ok())));
            assert!(job.as_mut().poll(&mut cx).is_pending());
        }
        let mut stop = std::pin::pin!(lane.stop());
        assert!(stop.as_mut().poll(&mut cx).is_pending());
        release.send(()).unwrap();
        stop.await;
    }

    #[tokio::test]
    async fn stopping_does_not_wait_for_who_waits_and_refuses_them() {
        let lane = Lane::new("state", 1);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let scope = scope(None);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut runs = std::pin::pin!(lane.run(&scope, "hold", move || Ok(held.recv().is_ok())));
        assert!(runs.as_mut().poll(&mut cx).is_pending());
        let mut waits = std::pin::pin!(lane.run(&scope, "work", || Ok(())));
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        release.send(()).unwrap();
        lane.stop().await;
        assert!(runs.await.is_ok());
        assert!(matches!(waits.await, Err(ServiceError::Failed { action: "work", .. })));
    }
}
