//! How requests to stop are passed on: with an execution that ends when it is told to, and a backend that tells it.

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use plugdock_contracts::backend::{BackendEvent, BackendEventSource, BackendEvents, PluginRef};
use plugdock_contracts::describe::PluginDescription;
use plugdock_contracts::execution::{ExecutionControl, InputStream};
use plugdock_contracts::health::HealthReport;
use plugdock_contracts::stats::BackendStats;
use plugdock_contracts::{
    BackendKind, BoxFuture, CancelReason, ErrorCode, Execution, ExecutionBackend, ExecutionError,
    ExecutionEvent, ExecutionId, ExecutionRequest, Outcome, Payload, Shutdown, ShutdownReport,
};
use plugdock_core_runtime::{StopSignal, StopSignals};

use crate::execution::{Form, Presenter, supervise};
use crate::output::tests::piped;

/// An execution that obeys, or that only the backend can end.
#[derive(Default)]
struct Run {
    stubborn: bool,
    over: bool,
    told: Vec<String>,
    events: Vec<ExecutionEvent>,
    waker: Option<Waker>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Run>>);

impl Shared {
    fn end(&self, told: String) {
        let mut run = self.0.lock().unwrap();
        run.told.push(told);
        run.over = true;
        if let Some(waker) = run.waker.take() {
            waker.wake();
        }
    }
}

impl ExecutionControl for Shared {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<ExecutionEvent>> {
        let mut run = self.0.lock().unwrap();
        run.waker = Some(cx.waker().clone());
        match run.events.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if run.over => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn poll_outcome(&mut self, _cx: &mut Context<'_>) -> Poll<Outcome> {
        let result = match self.0.lock().unwrap().told.first() {
            None => Ok(Payload::null()),
            Some(why) => Err(ExecutionError::new(ErrorCode::Aborted, why.clone())),
        };
        Poll::Ready(Outcome::new(ExecutionId::generate(), BackendKind::Custom, result))
    }

    fn cancel(&self, reason: CancelReason) {
        let mut run = self.0.lock().unwrap();
        if run.stubborn {
            run.told.push(reason.to_string());
            return;
        }
        drop(run);
        self.end(reason.to_string());
    }

    fn take_input(&mut self) -> Option<Box<dyn InputStream>> {
        None
    }
}

/// Events of a backend in which nothing happens.
struct NoEvents;

impl BackendEventSource for NoEvents {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Option<BackendEvent>> {
        Poll::Ready(None)
    }

    fn dropped(&self) -> u64 {
        0
    }
}

impl ExecutionBackend for Shared {
    fn kind(&self) -> BackendKind {
        BackendKind::Custom
    }

    fn start(&self, _request: ExecutionRequest) -> Execution {
        Execution::new(ExecutionId::generate(), Box::new(self.clone()))
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
        BackendStats::default()
    }

    fn health(&self) -> BoxFuture<'_, HealthReport> {
        Box::pin(ready(HealthReport::of(Vec::new())))
    }

    fn subscribe(&self) -> BackendEvents {
        BackendEvents::new(Box::new(NoEvents))
    }

    fn shutdown(&self, how: Shutdown) -> BoxFuture<'_, ShutdownReport> {
        Box::pin(async move {
            self.end(format!("shutdown {how:?}"));
            ShutdownReport::default()
        })
    }
}

const FORM: Form = Form { json: false, explain: false, quiet: false };

/// Runs to the end with these signals waiting; answers what the execution was told and what the person saw.
async fn run(shared: &Shared, signals: &[StopSignal]) -> (Vec<String>, String) {
    let (output, _result, note) = piped();
    let mut presenter = Presenter::new(output, FORM);
    let (send, told) = tokio::sync::mpsc::channel(signals.len() + 1);
    for signal in signals {
        send.send(*signal).await.unwrap();
    }
    let execution = Execution::new(ExecutionId::generate(), Box::new(shared.clone()));
    supervise(execution, &mut presenter, shared, StopSignals::told(told)).await;
    (shared.0.lock().unwrap().told.clone(), note.text())
}

#[tokio::test]
async fn without_a_signal_the_execution_is_told_nothing() {
    let shared = Shared::default();
    shared.0.lock().unwrap().over = true;
    assert_eq!(run(&shared, &[]).await, (Vec::new(), String::new()));
}

#[tokio::test]
async fn the_first_signal_asks_the_handler() {
    let (told, seen) = run(&Shared::default(), &[StopSignal::Interrupt]).await;
    assert_eq!(told, ["the command received SIGINT"]);
    assert_eq!(seen, "stopping; once more stops at once\n");
}

#[tokio::test]
async fn the_second_signal_stops_the_backend() {
    let shared = Shared::default();
    shared.0.lock().unwrap().stubborn = true;
    let (told, _seen) = run(&shared, &[StopSignal::Terminate, StopSignal::Interrupt]).await;
    assert_eq!(told, ["the command received SIGTERM", "shutdown Now"]);
}
