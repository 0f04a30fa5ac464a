//! A record of a server's log in one line: when, about what, and what was said.

use plugdock_contracts::ErrorChain;
use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::span::format_span;

use super::line::log_line;
use super::paint::{Paint, printable};
use crate::protocol::{LogRecord, Recorded};

/// The record in one line, or more where the log line itself has more.
pub(crate) fn record(record: &LogRecord, paint: Paint) -> String {
    let time = paint.faint(&clock(record.time_ms));
    match &record.what {
        Recorded::Execution { plugin, handler, execution, worker, line } => {
            let worker = worker.as_ref().map(|worker| format!(" {worker}")).unwrap_or_default();
            let whose = paint.faint(&format!("{execution}{worker}"));
            format!("{time} {plugin}/{handler} {whose} {}", log_line(line, paint))
        }
        Recorded::Backend(event) => format!("{time} {}", backend_event(event, paint)),
        Recorded::EventsLost(count) => {
            format!("{time} {}", paint.warning(&format!("{count} events of the backend were lost")))
        }
    }
}

/// The time of day, in UTC: lines of one server are compared with each other.
fn clock(time_ms: u64) -> String {
    let seconds = time_ms / 1000;
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}Z", seconds % 60, time_ms % 1000)
}

fn backend_event(event: &BackendEvent, paint: Paint) -> String {
    match event {
        BackendEvent::Spawned { worker, plugin, pid } => {
            format!("{plugin} {worker} started as process {pid}")
        }
        BackendEvent::Ready { worker } => format!("{worker} is ready"),
        BackendEvent::Crashed { worker, plugin, cause } => {
            format!("{plugin} {worker} {}", paint.error(&printable(&format!("died: {cause}"))))
        }
        BackendEvent::Exited { worker } => format!("{worker} is gone"),
        BackendEvent::Denied { execution, plugin, permission, subject } => {
            let denied = format!("denied {} on {}", printable(permission), printable(subject));
            format!("{plugin} {execution} {}", paint.warning(&denied))
        }
        BackendEvent::Recycled { worker, plugin, why } => {
            format!("{plugin} {worker} was sent away: {why}")
        }
        BackendEvent::StartFailed { plugin, error } => {
            let text = format!("did not start: {}", ErrorChain(&**error));
            format!("{plugin} {}", paint.error(&printable(&text)))
        }
        BackendEvent::Quarantined { plugin, exits, retry_after } => {
            let last = exits.last().map(|exit| format!(", the last time {exit}")).unwrap_or_default();
            let text = format!("is quarantined for {}{last}", format_span(*retry_after));
            format!("{plugin} {}", paint.error(&printable(&text)))
        }
        BackendEvent::Released { plugin } => format!("{plugin} works again"),
        BackendEvent::QueueFull { plugin, waiting, limit } => {
            format!("{plugin} {}", paint.warning(&format!("was refused: {waiting} of {limit} wait")))
        }
        BackendEvent::HealthFailed { worker, plugin, detail } => {
            let text = format!("failed a health check: {detail}");
            format!("{plugin} {worker} {}", paint.warning(&printable(&text)))
        }
        BackendEvent::Resized { min, max } => format!("the pool has {min} to {max} workers now"),
        BackendEvent::Reloaded { plugin } => format!("{plugin} was reloaded"),
        BackendEvent::Abandoned { execution } => {
            format!("{execution} {}", paint.warning("did not stop and was left behind"))
        }
        BackendEvent::ShuttingDown => "the backend stops".to_owned(),
        // An event of a later version has no sentence here; its data says what it is.
        other => printable(&serde_json::to_string(other).unwrap_or_default()).into_owned(),
    }
}
