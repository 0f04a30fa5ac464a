//! Follows an execution to its outcome, and passes requests to stop on: the first to the handler, the second to the backend.
//! It shows nothing itself.

use std::future::pending;

use plugdock_contracts::{
    BoxFuture, CancelReason, Execution, ExecutionBackend, Outcome, Shutdown, ShutdownReport,
};
use plugdock_core_runtime::StopSignals;

use super::presenter::Presenter;

/// Shows every event, and answers the outcome.
pub(crate) async fn supervise(
    mut execution: Execution,
    presenter: &mut Presenter,
    backend: &dyn ExecutionBackend,
    mut signals: StopSignals,
) -> Outcome {
    let mut stop = Stop::new(backend);
    loop {
        tokio::select! {
            event = execution.next_event() => match event {
                Some(event) => presenter.event(event),
                None => break,
            },
            signal = signals.next() => {
                if stop.escalate() {
                    execution.cancel_for(CancelReason::Requested(format!("the command received {signal}")));
                    presenter.note("stopping; once more stops at once");
                }
            },
            () = stop.finished() => {}
        }
        if presenter.reader_gone() && !stop.asked {
            stop.asked = true;
            execution.cancel_for(CancelReason::CallerGone);
        }
    }
    let mut outcome = std::pin::pin!(execution.wait());
    loop {
        tokio::select! {
            outcome = &mut outcome => return outcome,
            _signal = signals.next() => {
                // The handler was told, or has ended; from here on only the backend can hasten the end.
                stop.asked = true;
                stop.escalate();
            },
            () = stop.finished() => {}
        }
    }
}

/// How far stopping went.
pub(super) struct Stop<'b> {
    backend: &'b dyn ExecutionBackend,
    asked: bool,
    now: Option<BoxFuture<'b, ShutdownReport>>,
}

impl<'b> Stop<'b> {
    pub(super) fn new(backend: &'b dyn ExecutionBackend) -> Self {
        Self { backend, asked: false, now: None }
    }

    /// Goes one step further. Answers whether it was the first: then the handler is to be asked.
    pub(super) fn escalate(&mut self) -> bool {
        if !std::mem::replace(&mut self.asked, true) {
            return true;
        }
        if self.now.is_none() {
            self.now = Some(self.backend.shutdown(Shutdown::Now));
        }
        false
    }

    /// Drives the backend's shutdown. Ends when that ended, once; never when there is none.
    pub(super) async fn finished(&mut self) {
        match &mut self.now {
            Some(now) => drop(now.await),
            None => return pending().await,
        }
        // Over: a third signal finds a backend that is stopped already, which answers at once.
        self.now = Some(Box::pin(pending()));
    }
}
