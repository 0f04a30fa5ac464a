//! What a backend holds of an execution while it runs: where events go, where input comes from, whether to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use plugdock_contracts::{CancelReason, ExecutionEvent, LogLine, Progress};
use tokio::sync::{Mutex, mpsc, watch};

use super::{Cancelled, EventQueue, Taken};
use crate::governance::Gate;

/// A piece of the input stream, or its end.
#[derive(Debug)]
pub(crate) enum InputPiece {
    /// Bytes.
    Data(Bytes),
    /// The stream is complete.
    End,
}

/// One execution's connections to its caller and its host.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    pub(super) queue: Arc<EventQueue>,
    pub(super) input: Arc<Mutex<mpsc::Receiver<InputPiece>>>,
    /// Nobody takes input any more. Told apart from the receiver, which whoever waits for input holds.
    input_over: Arc<watch::Sender<bool>>,
    /// A piece of a stream passed, in either direction.
    streamed: Arc<AtomicBool>,
    cancel: Cancelled,
    gate: Arc<Gate>,
}

impl Port {
    pub(crate) fn new(
        queue: Arc<EventQueue>,
        input: mpsc::Receiver<InputPiece>,
        cancel: Cancelled,
        gate: Arc<Gate>,
    ) -> Self {
        let input_over = Arc::new(watch::Sender::new(false));
        Self { queue, input: Arc::new(Mutex::new(input)), input_over, streamed: Arc::default(), cancel, gate }
    }

    /// The host, as far as the grants reach.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Passes a log line to the caller and to the host's log.
    pub(crate) fn log(&self, line: LogLine) {
        let line = self.queue.push_log(line);
        self.gate.log(&line);
    }

    /// Counts log lines that were lost on their way here.
    pub(crate) fn lost(&self, lines: u64) {
        self.queue.skip(lines);
    }

    pub(crate) fn progress(&self, progress: Progress) {
        self.queue.push_progress(progress);
    }

    pub(crate) fn event(&self, event: ExecutionEvent) {
        self.queue.push(event, None);
    }

    /// Passes stream data on; `taken` is dropped when the caller has it.
    pub(crate) fn data(&self, piece: Bytes, taken: Taken) {
        self.streamed.store(true, Ordering::Release);
        self.queue.push(ExecutionEvent::Data(piece), Some(taken));
    }

    /// The next piece of input; `None` when the caller broke the stream off. Cancel safe.
    pub(crate) async fn next_input(&self) -> Option<InputPiece> {
        let mut over = self.input_over.subscribe();
        tokio::select! {
            biased;
            // The reference that the wait answers with must not live over the next await.
            () = async { drop(over.wait_for(|over| *over).await) } => {
                self.input.lock().await.close();
                None
            }
            piece = async { self.input.lock().await.recv().await } => {
                self.streamed.fetch_or(piece.is_some(), Ordering::AcqRel);
                piece
            }
        }
    }

    /// Whether a piece of a stream passed: it cannot be taken back, so neither can the call.
    pub(crate) fn has_streamed(&self) -> bool {
        self.streamed.load(Ordering::Acquire)
    }

    /// Ends every wait for input, now and later: the caller's next piece is refused. Never blocks.
    pub(crate) fn end_input(&self) {
        self.input_over.send_replace(true);
        // Whoever waits for input right now holds the receiver, and closes it on waking.
        if let Ok(mut input) = self.input.try_lock() {
            input.close();
        }
    }

    /// Closes the input: the caller's next piece is refused.
    pub(crate) async fn close_input(&self) {
        self.end_input();
        self.input.lock().await.close();
    }

    /// Resolves when the execution should stop. Cancel safe.
    pub(crate) async fn cancelled(&self) -> CancelReason {
        self.cancel.wait().await
    }
}
