//! What behaviours ask while a backend works: its numbers, its workers, and the order in which handlers ran.
//! Every wait is for a state, whatever led to it.

use plugdock_contracts::stats::{BackendStats, PoolStats};
use plugdock_contracts::{Execution, ExecutionRequest, Outcome, WorkerState, WorkerStatus};
use serde::Serialize;

use super::harness_core::Harness;
use super::heard::Heard;
use super::wait::wait_for;

/// What a message begins with that tells whose turn it is.
const TURN: &str = "turn ";

impl Harness {
    /// What happens from now on.
    pub(crate) async fn heard(&self) -> Heard {
        Heard::new(self.backend().await.subscribe())
    }

    /// The numbers that only a pool has.
    pub(crate) async fn pool_stats(&self) -> PoolStats {
        self.backend().await.stats().pool.expect("a pool has numbers of its own")
    }

    /// Waits until the numbers are so.
    pub(crate) async fn until_stats(&self, what: &str, is: impl Fn(&BackendStats) -> bool) -> BackendStats {
        let backend = self.backend().await;
        wait_for(what, || {
            let stats = backend.stats();
            if is(&stats) { Ok(stats) } else { Err(format!("{stats:?}")) }
        })
        .await
    }

    /// Waits until the workers are so.
    pub(crate) async fn until_workers(
        &self,
        what: &str,
        is: impl Fn(&[WorkerStatus]) -> bool,
    ) -> Vec<WorkerStatus> {
        let backend = self.backend().await;
        wait_for(what, || {
            let workers = backend.workers();
            if is(&workers) { Ok(workers) } else { Err(format!("{workers:?}")) }
        })
        .await
    }

    /// Has one worker started by a first call, and waits until it idles.
    pub(crate) async fn one_idle_worker(&self) -> WorkerStatus {
        self.value::<i32>("echo", &1).await;
        let is_idle = |workers: &[WorkerStatus]| matches!(workers, [worker] if worker.state == WorkerState::Idle && worker.pid.is_some());
        self.until_workers("one idle worker", is_idle).await.remove(0)
    }

    /// Waits for a log line in the host's own log.
    pub(crate) async fn until_host_log(&self, text: &str) {
        self.until_host_log_where(text, |message| message == text).await;
    }

    /// Waits for a log line in the host's own log that begins so.
    pub(crate) async fn until_host_log_starting(&self, text: &str) {
        self.until_host_log_where(text, |message| message.starts_with(text)).await;
    }

    async fn until_host_log_where(&self, what: &str, is: impl Fn(&str) -> bool) {
        wait_for(&format!("`{what}` in the host's log"), || {
            let entries = self.services().log.entries();
            let found = entries.iter().any(|entry| is(&entry.line.message));
            if found { Ok(()) } else { Err(format!("{} other lines", entries.len())) }
        })
        .await;
    }

    /// Starts an execution that has to wait, as the `n`th.
    pub(crate) async fn start_waiting(&self, n: u64, request: ExecutionRequest) -> Execution {
        let execution = self.start(request).await;
        self.until_stats(&format!("{n} to wait"), |stats| stats.waiting == n).await;
        execution
    }

    /// The outcome of an execution whose events do not matter.
    pub(crate) async fn end(&self, execution: Execution) -> Outcome {
        self.take_rest(execution, Vec::new()).await.outcome
    }

    /// A request whose handler tells that it is its turn.
    pub(crate) fn turn(&self, name: impl std::fmt::Display) -> ExecutionRequest {
        self.request("log-text", &format!("{TURN}{name}"))
    }

    /// The same of another plugin.
    pub(crate) fn turn_of(&self, plugin: &str, name: impl std::fmt::Display) -> ExecutionRequest {
        self.request_of(plugin, "log-text", &format!("{TURN}{name}"))
    }

    /// Whose turn it was, in order.
    pub(crate) fn turns(&self) -> Vec<String> {
        let entries = self.services().log.entries();
        entries.iter().filter_map(|entry| Some(entry.line.message.strip_prefix(TURN)?.to_owned())).collect()
    }

    /// A request of another plugin than the usual.
    #[expect(clippy::unused_self, reason = "it reads as its siblings do")]
    pub(crate) fn request_of<I: Serialize + ?Sized>(
        &self,
        plugin: &str,
        handler: &str,
        input: &I,
    ) -> ExecutionRequest {
        ExecutionRequest::new(plugin, handler).unwrap().with_input(input).unwrap()
    }
}
