//! A backend for tests: what an execution does is the name of its handler. It starts no process and needs no clock.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use plugdock_contracts::backend::{BackendEvent, BackendEventSource, BackendEvents, PluginRef};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::execution::{ExecutionControl, InputStream};
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::outcome::WorkerStart;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BackendKind, BoxFuture, CancelReason, ErrorCode, Execution, ExecutionBackend, ExecutionError,
    ExecutionEvent, ExecutionId, ExecutionRequest, LogLevel, LogLine, LogStream, Outcome, Payload, PluginId,
    Shutdown, ShutdownReport, WorkerId, WorkerState, WorkerStatus,
};
use plugdock_core_runtime::BackendChoice;
use tokio::sync::{mpsc, watch};

/// A backend whose handlers are `echo` (answers its input after a log line), `fail`, `flood` (a stream without an end)
/// and `wait` (says so, and ends when it is cancelled).
#[derive(Clone)]
pub(crate) struct FakeBackend(Arc<Inner>);

struct Inner {
    runs: Mutex<Vec<Arc<Mutex<State>>>>,
    /// Executions that have not ended, and the most there were at one time.
    running: watch::Sender<(usize, usize)>,
    happened: mpsc::Sender<BackendEvent>,
    subscriber: Mutex<Option<mpsc::Receiver<BackendEvent>>>,
}

#[derive(Default)]
struct State {
    stopped: Option<String>,
    waker: Option<Waker>,
}

impl State {
    fn stop(&mut self, why: String) {
        self.stopped.get_or_insert(why);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Default for FakeBackend {
    fn default() -> Self {
        let (happened, subscriber) = mpsc::channel(16);
        Self(Arc::new(Inner {
            runs: Mutex::default(),
            running: watch::Sender::new((0, 0)),
            happened,
            subscriber: Mutex::new(Some(subscriber)),
        }))
    }
}

impl FakeBackend {
    pub(crate) fn choice() -> BackendChoice {
        let text = "{\"kind\":\"custom\",\"mode\":\"auto\",\"reason\":\"it is a test\"}";
        serde_json::from_str(text).unwrap()
    }

    /// Why each execution was stopped, in the order of their starts; none for one that was not.
    pub(crate) fn stopped(&self) -> Vec<Option<String>> {
        self.0.runs.lock().unwrap().iter().map(|run| run.lock().unwrap().stopped.clone()).collect()
    }

    /// The most executions at one time so far.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.running.borrow().1
    }

    /// Waits until so many executions run.
    pub(crate) async fn runs(&self, wanted: usize) {
        self.0.running.subscribe().wait_for(|(running, _most)| *running == wanted).await.unwrap();
    }

    /// Lets something happen in the backend.
    pub(crate) fn happens(&self, event: BackendEvent) {
        self.0.happened.try_send(event).unwrap();
    }
}

struct Run {
    backend: FakeBackend,
    id: ExecutionId,
    handler: String,
    input: Payload,
    events: VecDeque<ExecutionEvent>,
    state: Arc<Mutex<State>>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.backend.0.running.send_modify(|(running, _most)| *running -= 1);
    }
}

impl ExecutionControl for Run {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<ExecutionEvent>> {
        if let Some(event) = self.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        let mut state = self.state.lock().unwrap();
        match self.handler.as_str() {
            "flood" | "wait" if state.stopped.is_some() => Poll::Ready(None),
            "flood" => Poll::Ready(Some(ExecutionEvent::Data(vec![b'x'; 4096].into()))),
            "wait" => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(None),
        }
    }

    fn poll_outcome(&mut self, _cx: &mut Context<'_>) -> Poll<Outcome> {
        let result = match (self.handler.as_str(), &self.state.lock().unwrap().stopped) {
            (_, Some(why)) => Err(ExecutionError::new(ErrorCode::Aborted, why.clone())),
            ("fail", None) => Err(ExecutionError::new(ErrorCode::HandlerError, "as asked")),
            (_, None) => Ok(self.input.clone()),
        };
        let mut outcome = Outcome::new(self.id.clone(), BackendKind::Custom, result);
        outcome.timings.total = Duration::from_millis(3);
        outcome.timings.run = Some(Duration::from_millis(2));
        outcome.start = Some(WorkerStart::Warm);
        Poll::Ready(outcome)
    }

    fn cancel(&self, reason: CancelReason) {
        self.state.lock().unwrap().stop(reason.to_string());
    }

    fn take_input(&mut self) -> Option<Box<dyn InputStream>> {
        None
    }
}

struct Happenings(Option<mpsc::Receiver<BackendEvent>>);

impl BackendEventSource for Happenings {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<BackendEvent>> {
        match &mut self.0 {
            Some(happened) => happened.poll_recv(cx),
            None => Poll::Ready(None),
        }
    }

    fn dropped(&self) -> u64 {
        3
    }
}

impl ExecutionBackend for FakeBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Custom
    }

    fn start(&self, request: ExecutionRequest) -> Execution {
        let state = Arc::<Mutex<State>>::default();
        self.0.runs.lock().unwrap().push(Arc::clone(&state));
        self.0.running.send_modify(|(running, most)| {
            *running += 1;
            *most = (*most).max(*running);
        });
        let handler = request.descriptor.handler.to_string();
        let line = LogLine::new(LogLevel::Info, LogStream::Logger, format!("this is {handler}"));
        let worker = WorkerId::new("worker_7").ok();
        let events = [ExecutionEvent::Started { worker }, ExecutionEvent::Log(line)].into();
        let id = request.execution_id.clone();
        let run = Run { backend: self.clone(), id: id.clone(), handler, input: request.input, events, state };
        Execution::new(id, Box::new(run))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn describe<'a>(
        &'a self,
        _plugin: &'a PluginRef,
    ) -> BoxFuture<'a, Result<PluginDescription, ExecutionError>> {
        Box::pin(ready(Err(ExecutionError::new(ErrorCode::Unsupported, "it knows nothing"))))
    }

    fn stats(&self) -> BackendStats {
        let mut stats = BackendStats::default();
        stats.started = self.0.runs.lock().unwrap().len() as u64;
        stats
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        Box::pin(ready(HealthReport::of(vec![HealthIssue::new(
            HealthLevel::Degraded,
            "fake",
            "it is a test",
        )])))
    }

    fn subscribe(&self) -> BackendEvents {
        BackendEvents::new(Box::new(Happenings(self.0.subscriber.lock().unwrap().take())))
    }

    fn workers(&self) -> Vec<WorkerStatus> {
        let plugin = PluginId::new("acme/x").unwrap();
        vec![WorkerStatus::new(WorkerId::new("worker_7").unwrap(), plugin, "linked", WorkerState::Idle)]
    }

    fn reload<'a>(
        &'a self,
        plugin: Option<&'a PluginId>,
    ) -> BoxFuture<'a, Result<Vec<PluginId>, ExecutionError>> {
        Box::pin(ready(Ok(plugin.into_iter().cloned().collect())))
    }

    fn shutdown(&self, how: Shutdown) -> BoxFuture<'_, ShutdownReport> {
        Box::pin(async move {
            let runs = self.0.runs.lock().unwrap().clone();
            for run in runs.iter().filter(|_run| how == Shutdown::Now) {
                run.lock().unwrap().stop("shutdown Now".to_owned());
            }
            self.runs(0).await;
            let mut report = ShutdownReport::default();
            report.cancelled = vec![ExecutionId::new("exec_1").unwrap(); usize::from(how == Shutdown::Now)];
            report
        })
    }
}
