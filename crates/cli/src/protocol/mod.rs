//! The protocol between `plugdock serve` and its clients, as `docs/serve-protocol.md` describes it: one JSON document a line.
//! Both ends use it; it opens no socket and runs nothing.

mod call_event;
mod done;
mod line_reader;
mod log_record;
mod reply;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use call_event::CallEvent;
pub(crate) use done::{CallDone, LogsDone, PsDone, ReloadDone, ResizeDone, ServerFacts, StatsDone};
pub(crate) use line_reader::{LineError, LineReader};
pub(crate) use log_record::{LogRecord, Recorded};
pub(crate) use reply::{Reply, done_line, error_line, event_line};
pub(crate) use request::{CallControl, LogsQuery, Request};
