//! Everything that came of one execution: its events in order and its outcome, with the questions tests ask.
//! It asserts nothing by itself.

use bytes::Bytes;
use plugdock_contracts::{ExecutionEvent, LogLine, Outcome, Progress};

/// The events of an execution, as far as they were taken, and its outcome.
#[derive(Debug)]
#[non_exhaustive]
pub struct Taken {
    /// In the order they came.
    pub events: Vec<ExecutionEvent>,
    /// The end.
    pub outcome: Outcome,
}

impl Taken {
    pub(super) fn new(events: Vec<ExecutionEvent>, outcome: Outcome) -> Self {
        Self { events, outcome }
    }

    /// The log lines.
    pub fn lines(&self) -> Vec<&LogLine> {
        self.events
            .iter()
            .filter_map(|event| if let ExecutionEvent::Log(line) = event { Some(line) } else { None })
            .collect()
    }

    /// The texts of the log lines.
    pub fn messages(&self) -> Vec<&str> {
        self.lines().iter().map(|line| line.message.as_str()).collect()
    }

    /// The progress.
    pub fn progress(&self) -> Vec<&Progress> {
        self.events
            .iter()
            .filter_map(|event| if let ExecutionEvent::Progress(told) = event { Some(told) } else { None })
            .collect()
    }

    /// The pieces of the output stream.
    pub fn data(&self) -> Vec<Bytes> {
        let data = |event: &ExecutionEvent| {
            if let ExecutionEvent::Data(piece) = event { Some(piece.clone()) } else { None }
        };
        self.events.iter().filter_map(data).collect()
    }
}
