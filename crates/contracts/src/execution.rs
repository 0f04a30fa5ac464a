//! A running execution: its events, its input, its cancellation and its one outcome.
//! It hides what runs it; a backend gives it an [`ExecutionControl`].

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::BoxFuture;
use crate::event::ExecutionEvent;
use crate::id::ExecutionId;
use crate::outcome::Outcome;

/// Why an execution is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CancelReason {
    /// Somebody asked for it; the text says why.
    Requested(String),
    /// The handle was dropped, so nobody waits any more.
    CallerGone,
    /// The execution that invoked it ended.
    ParentEnded,
    /// Its time is over.
    Timeout,
    /// The backend stops.
    Shutdown,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(why) => f.write_str(why),
            Self::CallerGone => f.write_str("the caller went away"),
            Self::ParentEnded => f.write_str("the invoking execution ended"),
            Self::Timeout => f.write_str("its time was over"),
            Self::Shutdown => f.write_str("the backend is stopping"),
        }
    }
}

/// What a backend provides behind an [`Execution`].
pub trait ExecutionControl: Send {
    /// The next event; `None` when there will be no more.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<ExecutionEvent>>;

    /// The outcome. After it was ready once it is not polled again. Must make progress even if events are never polled,
    /// except for output stream data, which waits for its reader: [`Execution::wait`] therefore polls events too.
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome>;

    /// Asks it to stop; idempotent, never blocks, the first reason counts.
    fn cancel(&self, reason: CancelReason);

    /// The sending end of its input stream, once.
    fn take_input(&mut self) -> Option<Box<dyn InputStream>>;
}

/// The sending end of an execution's input stream. Dropping it without [`InputStream::finish`] breaks the stream off.
pub trait InputStream: Send {
    /// Sends a piece, waiting until the handler has taken enough of what was sent before.
    ///
    /// Not cancel safe: a dropped call may have sent the piece.
    fn send(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), InputClosed>>;

    /// Says that the stream is complete.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), InputClosed>>;
}

/// The handler takes no more input: it ended, or it dropped its end of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handler takes no more input")]
pub struct InputClosed;

/// A running execution. Dropping it cancels it; [`Execution::detach`] lets it run on.
pub struct Execution {
    id: ExecutionId,
    control: Option<Box<dyn ExecutionControl>>,
}

impl Execution {
    /// Wraps what a backend runs.
    pub fn new(id: ExecutionId, control: Box<dyn ExecutionControl>) -> Self {
        Self { id, control: Some(control) }
    }

    /// An execution that is over already.
    pub fn finished(outcome: Outcome) -> Self {
        Self::new(outcome.execution_id.clone(), Box::new(Finished(Some(outcome))))
    }

    /// Its id.
    pub fn id(&self) -> &ExecutionId {
        &self.id
    }

    /// The next event; `None` when there will be no more and the outcome is near. Cancel safe.
    pub async fn next_event(&mut self) -> Option<ExecutionEvent> {
        let control = self.control.as_mut()?;
        poll_fn(|cx| control.poll_event(cx)).await
    }

    /// The sending end of its input stream, once; `None` afterwards. A handler that takes none answers [`InputClosed`].
    pub fn input(&mut self) -> Option<Box<dyn InputStream>> {
        self.control.as_mut()?.take_input()
    }

    /// Asks it to stop: first the handler is told, after the grace its process is killed. The outcome still comes.
    pub fn cancel(&self, why: &str) {
        self.cancel_for(CancelReason::Requested(why.to_owned()));
    }

    /// The same with a reason that programs can tell apart.
    pub fn cancel_for(&self, reason: CancelReason) {
        if let Some(control) = &self.control {
            control.cancel(reason);
        }
    }

    /// Waits for the outcome; events that were not taken are dropped. Dropping this future cancels the execution.
    ///
    /// # Panics
    /// Never: the control is there until the handle is consumed.
    pub async fn wait(mut self) -> Outcome {
        let control =
            self.control.as_mut().expect("only `wait` and `detach` take it, and they consume the handle");
        let mut events_open = true;
        let outcome = poll_fn(|cx| {
            while events_open {
                match control.poll_event(cx) {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => events_open = false,
                    Poll::Pending => break,
                }
            }
            control.poll_outcome(cx)
        })
        .await;
        // It is over: dropping the handle must not count as a cancellation.
        self.control = None;
        outcome
    }

    /// Lets it run on without a handle: its outcome is counted, and seen by nobody.
    pub fn detach(mut self) {
        self.control = None;
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        self.cancel_for(CancelReason::CallerGone);
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The control of an execution that never ran.
struct Finished(Option<Outcome>);

impl ExecutionControl for Finished {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Option<ExecutionEvent>> {
        Poll::Ready(None)
    }

    fn poll_outcome(&mut self, _cx: &mut Context<'_>) -> Poll<Outcome> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }

    fn cancel(&self, _reason: CancelReason) {}

    fn take_input(&mut self) -> Option<Box<dyn InputStream>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    use super::*;
    use crate::backend::BackendKind;
    use crate::payload::Payload;

    struct Recorder {
        cancelled: Arc<Mutex<Vec<CancelReason>>>,
        events: usize,
    }

    impl ExecutionControl for Recorder {
        fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Option<ExecutionEvent>> {
            self.events = self.events.saturating_sub(1);
            Poll::Ready((self.events > 0).then_some(ExecutionEvent::DataEnd))
        }

        fn poll_outcome(&mut self, _cx: &mut Context<'_>) -> Poll<Outcome> {
            assert_eq!(self.events, 0, "events are drained first");
            Poll::Ready(Outcome::new(ExecutionId::generate(), BackendKind::InProcess, Ok(Payload::null())))
        }

        fn cancel(&self, reason: CancelReason) {
            self.cancelled.lock().unwrap().push(reason);
        }

        fn take_input(&mut self) -> Option<Box<dyn InputStream>> {
            None
        }
    }

    fn recorded() -> (Execution, Arc<Mutex<Vec<CancelReason>>>) {
        let cancelled = Arc::default();
        let control = Recorder { cancelled: Arc::clone(&cancelled), events: 3 };
        (Execution::new(ExecutionId::generate(), Box::new(control)), cancelled)
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("the future is not ready"),
        }
    }

    #[test]
    fn dropping_the_handle_cancels() {
        let (execution, cancelled) = recorded();
        drop(execution);
        assert_eq!(*cancelled.lock().unwrap(), [CancelReason::CallerGone]);
    }

    #[test]
    fn detaching_does_not_cancel() {
        let (execution, cancelled) = recorded();
        execution.detach();
        assert!(cancelled.lock().unwrap().is_empty());
    }

    #[test]
    fn waiting_drains_events_and_does_not_cancel() {
        let (execution, cancelled) = recorded();
        assert!(ready(execution.wait()).is_ok());
        assert!(cancelled.lock().unwrap().is_empty());
    }

    #[test]
    fn a_finished_execution_has_no_events() {
        let outcome = Outcome::new(ExecutionId::generate(), BackendKind::InProcess, Ok(Payload::null()));
        let mut execution = Execution::finished(outcome.clone());
        assert_eq!(ready(execution.next_event()), None);
        assert_eq!(ready(execution.wait()), outcome);
    }
}
