//! Runs one request many times, so many at a time, and counts what comes of it.
//! A request to stop starts nothing more and cancels what runs; what it shows is the view's.

use std::time::{Duration, Instant};

use plugdock_contracts::{CancelReason, Execution, ExecutionBackend, ExecutionId, ExecutionRequest, Outcome};
use plugdock_core_runtime::{StopSignal, StopSignals};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::repeat_view::RepeatView;
use super::supervise::Stop;
use super::tally::Tally;

/// How often the view is told while nothing ends: the clock on it moves.
const LOOK: Duration = Duration::from_millis(250);

/// How many, and how many at a time. Both are at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) executions: u64,
    pub(crate) at_once: u64,
}

/// Runs them all, or until it is asked to stop.
pub(crate) async fn repeat(
    backend: &dyn ExecutionBackend,
    request: &ExecutionRequest,
    plan: Plan,
    view: &mut RepeatView,
    mut signals: StopSignals,
) -> Tally {
    let (before, began) = (backend.stats(), Instant::now());
    let mut tally = Tally::default();
    let mut running = JoinSet::new();
    let mut started = 0;
    let (tell_stop, stop_told) = watch::channel(None);
    let mut stop = Stop::new(backend);
    let mut look = tokio::time::interval(LOOK);
    loop {
        while tally.stopped_by.is_none() && started < plan.executions && (running.len() as u64) < plan.at_once
        {
            let execution = backend.start(again(request));
            running.spawn(follow(execution, stop_told.clone()));
            started += 1;
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            ended = running.join_next() => {
                match ended {
                    Some(Ok(outcome)) => tally.add(outcome),
                    Some(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
                    None => {}
                }
                tally.elapsed = began.elapsed();
                view.progress(&tally);
            }
            signal = signals.next() => {
                if stop.escalate() {
                    tally.stopped_by = Some(signal);
                    // Nobody hears it when the last execution ends in this moment.
                    tell_stop.send(Some(signal)).ok();
                    view.stopping();
                }
            }
            () = stop.finished() => {}
            _now = look.tick() => {
                tally.elapsed = began.elapsed();
                view.progress(&tally);
            }
        }
    }
    tally.elapsed = began.elapsed();
    tally.workers(&before, &backend.stats());
    tally
}

/// The request under an id of its own.
fn again(request: &ExecutionRequest) -> ExecutionRequest {
    let mut again = request.clone();
    again.execution_id = ExecutionId::generate();
    again
}

/// Follows one execution to its outcome. What it tells on the way is dropped.
async fn follow(mut execution: Execution, mut stop_told: watch::Receiver<Option<StopSignal>>) -> Outcome {
    let mut told = false;
    loop {
        tokio::select! {
            event = execution.next_event() => if event.is_none() { break },
            signal = stop(&mut stop_told), if !told => {
                told = true;
                execution.cancel_for(CancelReason::Requested(format!("the command received {signal}")));
            }
        }
    }
    execution.wait().await
}

/// Waits until a stop was asked for.
async fn stop(told: &mut watch::Receiver<Option<StopSignal>>) -> StopSignal {
    let signal = told.wait_for(Option::is_some).await.map_or(None, |signal| *signal);
    match signal {
        Some(signal) => signal,
        // The sender outlives every execution; without one nobody asks any more.
        None => std::future::pending().await,
    }
}
