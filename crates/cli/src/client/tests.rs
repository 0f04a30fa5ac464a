//! The client's end against a server that says what it should not.

use std::path::Path;

use plugdock_contracts::{ErrorCode, ExecutionRequest};
use plugdock_core_runtime::{StopSignal, StopSignals};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::{Connection, follow};
use crate::execution::{Form, Presenter};
use crate::output::tests::piped;
use crate::protocol::{LineReader, PsDone, Request};

const FORM: Form = Form { json: false, explain: false, quiet: false };

/// Asks a server that answers with this text and closes.
async fn asked(answer: &str) -> Result<PsDone, plugdock_contracts::ExecutionError> {
    let (client, mut server) = UnixStream::pair().unwrap();
    server.write_all(answer.as_bytes()).await.unwrap();
    server.shutdown().await.unwrap();
    Connection::over(client, Path::new("/s")).ask(&Request::Ps).await
}

#[tokio::test]
async fn every_strange_answer_is_an_error_that_says_what_to_do() {
    let check = |asked: Result<PsDone, plugdock_contracts::ExecutionError>, code: ErrorCode, part: &str| {
        let error = asked.unwrap_err();
        assert_eq!(error.code(), &code, "{error}");
        assert!(error.help().is_some() && error.to_string().contains(part), "{error}");
    };
    check(asked("").await, ErrorCode::NoHostAvailable, "ended before it answered");
    check(asked("{\"done\":{\"workers\":[]}").await, ErrorCode::NoHostAvailable, "`/s`");
    check(asked("HTTP/1.1 400\n").await, ErrorCode::ProtocolViolation, "not understood");
    check(asked("{\"done\":{}}\n").await, ErrorCode::ProtocolViolation, "workers");
    let known = "{\"event\":{\"new\":1}}\n{\"done\":{\"workers\":[],\"more\":1}}\n";
    assert_eq!(asked(known).await.unwrap().workers, [], "what a newer server adds is passed over");
}

#[tokio::test]
async fn without_a_server_the_error_names_the_socket_and_the_command_that_starts_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    let error = Connection::open(&path).await.unwrap_err();
    assert_eq!(error.code(), &ErrorCode::NoHostAvailable);
    assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    assert!(error.help().unwrap().contains("plugdock serve"));
}

#[tokio::test]
async fn the_reason_of_a_server_that_closed_early_is_read() {
    let (client, mut server) = UnixStream::pair().unwrap();
    server.write_all(b"{\"error\":{\"code\":\"PERMISSION_DENIED\",\"message\":\"no\",\"retryable\":false,\"fault\":\"caller\"}}\n").await.unwrap();
    drop(server);
    let refused = Connection::over(client, Path::new("/s")).ask::<PsDone>(&Request::Ps).await.unwrap_err();
    assert_eq!(refused.code(), &ErrorCode::PermissionDenied);
}

#[tokio::test]
async fn the_first_signal_cancels_and_the_second_leaves() {
    let (client, mut server) = UnixStream::pair().unwrap();
    let mut connection = Connection::over(client, Path::new("/s"));
    let (output, _result, note) = piped();
    let mut presenter = Presenter::new(output, FORM);
    let (send, told) = mpsc::channel(2);
    let request = ExecutionRequest::new("acme/x", "wait").unwrap();
    let mut lines = LineReader::new(&mut server);
    let server = async {
        let call = lines.next(1 << 20).await.unwrap().unwrap();
        send.send(StopSignal::Interrupt).await.unwrap();
        let said = lines.next(1 << 20).await.unwrap().unwrap();
        send.send(StopSignal::Interrupt).await.unwrap();
        (Request::parse(&call), String::from_utf8(said).unwrap())
    };
    let follow = follow(&mut connection, request.clone(), &mut presenter, StopSignals::told(told));
    let (left, (call, said)) = tokio::join!(follow, server);
    assert_eq!(call.unwrap(), Request::Call(Box::new(request)));
    assert_eq!(said, "{\"cancel\":\"the command received SIGINT\"}");
    assert_eq!(left.unwrap_err().code(), &ErrorCode::Aborted);
    assert_eq!(note.text(), "stopping; once more leaves at once\n");
}
