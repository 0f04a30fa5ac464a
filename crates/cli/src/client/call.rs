//! Follows a call on a server to its end: events to the presenter, requests to stop to the server.

use plugdock_contracts::{ErrorCode, ExecutionError, ExecutionRequest};
use plugdock_core_runtime::{StopSignal, StopSignals};

use super::connection::Connection;
use crate::execution::Presenter;
use crate::protocol::{CallControl, CallDone, CallEvent, Reply, Request};

/// Makes the call, shows every event, and answers the end. The first signal cancels the execution, the second leaves.
pub(crate) async fn follow(
    connection: &mut Connection,
    request: ExecutionRequest,
    presenter: &mut Presenter,
    mut signals: StopSignals,
) -> Result<CallDone, ExecutionError> {
    let request = Request::Call(Box::new(request));
    tokio::select! {
        sent = connection.send(&request) => sent?,
        // A server that takes no request has nothing to cancel.
        signal = signals.next() => return Err(left(signal)),
    }
    let mut cancelled = false;
    loop {
        tokio::select! {
            reply = connection.next() => match reply? {
                Reply::Event(event) => {
                    // A kind of event that only a newer server knows is nothing that can be shown.
                    if let Ok(event) = connection.read::<CallEvent>(event.get()) {
                        presenter.event(event.into());
                    }
                }
                Reply::Done(done) => return connection.read(done.get()),
                Reply::Error(error) => return Err(error),
            },
            signal = signals.next() => {
                if cancelled {
                    return Err(left(signal));
                }
                cancelled = true;
                let cancel = format!("the command received {signal}");
                connection.say(&CallControl { cancel }).await;
                presenter.note("stopping; once more leaves at once");
            }
        }
        if presenter.reader_gone() && !cancelled {
            cancelled = true;
            let cancel = "the reader of the result went away".to_owned();
            connection.say(&CallControl { cancel }).await;
        }
    }
}

fn left(signal: StopSignal) -> ExecutionError {
    let message = format!("{signal}: left before the execution ended");
    ExecutionError::new(ErrorCode::Aborted, message)
        .with_help("the server ends it: asked first, killed after its grace")
}
