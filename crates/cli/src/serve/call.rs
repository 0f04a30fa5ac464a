//! The operation `call`: runs one execution, and tells the client what happens until the outcome.
//! A client that goes away cancels it; one that does not read holds up its own execution and nothing else.

use std::io;

use plugdock_contracts::{CancelReason, ErrorCode, Execution, ExecutionError, ExecutionRequest};
use tokio::io::{AsyncRead, AsyncWrite};

use super::log_tap::LogTap;
use super::outbox::Outbox;
use super::shared::Shared;
use crate::protocol::{CallControl, CallDone, CallEvent, LineError, LineReader, error_line, event_line};

/// Bytes of a line that a client may send while its call runs: a cancellation with its reason.
const MAX_CONTROL: usize = 4 << 10;

/// The client of a running call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    Here,
    /// It said what may not be said here. It gets the outcome, and is heard no more.
    Rude,
    Gone,
}

/// Runs the execution. Answers whether the connection may be used further.
pub(super) async fn call<R, W>(
    shared: &Shared,
    request: ExecutionRequest,
    lines: &mut LineReader<R>,
    outbox: &mut Outbox<W>,
) -> io::Result<bool>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut tap = LogTap::new(&request);
    let mut execution = shared.backend.start(request);
    let mut client = Client::Here;
    loop {
        tokio::select! {
            event = execution.next_event(), if client == Client::Gone || outbox.has_room() => {
                let Some(event) = event else { break };
                tap.see(&event, &shared.ring);
                match CallEvent::of(event) {
                    Some(event) if client != Client::Gone => outbox.put(&event_line(&event)),
                    _ => {}
                }
            }
            written = outbox.write_some(), if client != Client::Gone && !outbox.is_empty() => {
                if written.is_err() {
                    client = Client::Gone;
                    execution.cancel_for(CancelReason::CallerGone);
                }
            }
            line = lines.next(MAX_CONTROL), if client == Client::Here => client = hear(line, &execution),
        }
    }
    let outcome = execution.wait().await;
    if client == Client::Gone {
        return Ok(false);
    }
    outbox.put(&CallDone { outcome, backend: shared.choice.clone() }.to_line());
    outbox.flush().await?;
    if client == Client::Rude {
        outbox.put(&error_line(&rude()));
        outbox.flush().await?;
    }
    Ok(client == Client::Here)
}

/// What a client's line during its call means for the execution.
fn hear(line: Result<Option<Vec<u8>>, LineError>, execution: &Execution) -> Client {
    match line {
        Ok(Some(line)) => {
            if let Some(CallControl { cancel }) = CallControl::parse(&line) {
                execution.cancel(&cancel);
                return Client::Here;
            }
            execution.cancel("the client broke the protocol");
            Client::Rude
        }
        Err(LineError::TooLong { .. }) => {
            execution.cancel("the client broke the protocol");
            Client::Rude
        }
        Ok(None) | Err(LineError::Read(_)) => {
            execution.cancel_for(CancelReason::CallerGone);
            Client::Gone
        }
    }
}

fn rude() -> ExecutionError {
    let message = "while a call runs, a client may send `{\"cancel\":\"why\"}` and nothing else";
    ExecutionError::new(ErrorCode::ProtocolViolation, message)
        .with_help("use a connection for each call that runs at the same time")
}
