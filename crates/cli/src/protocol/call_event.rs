//! What happens in an execution, as it is written on the socket.
//! The contracts' events are no documents themselves, because inside the host they are never written.

use std::time::Duration;

use plugdock_contracts::span::as_text;
use plugdock_contracts::{ExecutionEvent, LogLine, Payload, Progress, WorkerId};
use serde::{Deserialize, Serialize};

/// The content type of a piece of an output stream: whatever the handler sends.
const STREAM: &str = "application/octet-stream";

/// Something that happened in an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallEvent {
    Started {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<WorkerId>,
    },
    Log(LogLine),
    Progress(Progress),
    Data(Payload),
    DataEnd {},
    Slow {
        #[serde(with = "as_text")]
        after: Duration,
    },
}

impl CallEvent {
    /// The document of an event; none for a kind that this version does not know.
    pub(crate) fn of(event: ExecutionEvent) -> Option<Self> {
        Some(match event {
            ExecutionEvent::Started { worker } => Self::Started { worker },
            ExecutionEvent::Log(line) => Self::Log(line),
            ExecutionEvent::Progress(progress) => Self::Progress(progress),
            ExecutionEvent::Data(bytes) => Self::Data(Payload::new(bytes, STREAM)),
            ExecutionEvent::DataEnd => Self::DataEnd {},
            ExecutionEvent::Slow { after } => Self::Slow { after },
            _ => return None,
        })
    }
}

impl From<CallEvent> for ExecutionEvent {
    fn from(event: CallEvent) -> Self {
        match event {
            CallEvent::Started { worker } => Self::Started { worker },
            CallEvent::Log(line) => Self::Log(line),
            CallEvent::Progress(progress) => Self::Progress(progress),
            CallEvent::Data(payload) => Self::Data(payload.into_bytes()),
            CallEvent::DataEnd {} => Self::DataEnd,
            CallEvent::Slow { after } => Self::Slow { after },
        }
    }
}
