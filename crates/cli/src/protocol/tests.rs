//! The protocol's documents survive their lines, and what is hostile gets a typed answer.

use std::time::Duration;

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::{
    BackendKind, ErrorCode, ExecutionError, ExecutionEvent, ExecutionId, ExecutionRequest, HandlerId,
    LogLevel, LogLine, LogStream, Outcome, Payload, PluginId, Progress, WorkerId,
};
use plugdock_core_runtime::BackendChoice;
use tokio::io::AsyncWriteExt as _;

use super::request::PROTOCOL;
use super::*;

fn plugin() -> PluginId {
    PluginId::new("acme/x").unwrap()
}

fn is_one_line(bytes: &[u8]) -> bool {
    bytes.iter().position(|byte| *byte == b'\n') == Some(bytes.len() - 1)
}

#[test]
fn every_request_survives_its_line() {
    let call =
        ExecutionRequest::new("acme/x", "run").unwrap().with_payload(Payload::new(vec![0xff, 1], "a/b"));
    for request in [
        Request::Call(Box::new(call)),
        Request::Call(Box::new(ExecutionRequest::new("acme/x", "run").unwrap())),
        Request::Ps,
        Request::Stats,
        Request::Health,
        Request::Resize { min: 0, max: 7 },
        Request::Drain { within: Some(Duration::from_millis(1500)) },
        Request::Drain { within: None },
        Request::Reload { plugin: Some(plugin()) },
        Request::Reload { plugin: None },
        Request::Logs(LogsQuery { last: 3, follow: true, plugin: Some(plugin()) }),
    ] {
        let line = request.to_line();
        assert!(is_one_line(&line), "{line:?}");
        assert_eq!(Request::parse(&line).unwrap(), request);
    }
}

#[test]
fn a_request_that_is_not_right_says_what_would_be() {
    let check = |line: &str, code: ErrorCode, part: &str| {
        let error = Request::parse(line.as_bytes()).unwrap_err();
        assert_eq!(error.code(), &code, "{line}");
        let text = format!("{} {}", error.message(), error.help().unwrap_or_default());
        assert!(text.contains(part), "{line}: {text}");
    };
    check("", ErrorCode::ValidationError, "docs/serve-protocol.md");
    check("[1]", ErrorCode::ValidationError, "no JSON object");
    check("{\"op\":\"ps\"}", ErrorCode::ValidationError, "no `protocol`");
    check("{\"protocol\":2,\"op\":\"dance\",\"new\":1}", ErrorCode::ProtocolMismatch, "this server speaks 1");
    check("{\"protocol\":1}", ErrorCode::Unsupported, "one of call, ps");
    check("{\"protocol\":1,\"op\":\"\u{1b}[2J\"}", ErrorCode::ValidationError, "control character");
    check("{\"protocol\":1,\"op\":\"\\u001b[2J\"}", ErrorCode::Unsupported, "`\\u{1b}[2J`");
    check(
        "{\"protocol\":1,\"op\":\"ps\",\"verbose\":1}",
        ErrorCode::ValidationError,
        "unknown field `verbose`",
    );
    check("{\"protocol\":1,\"op\":\"resize\",\"min\":1}", ErrorCode::ValidationError, "missing field `max`");
    check("{\"protocol\":1,\"op\":\"resize\",\"min\":-1,\"max\":2}", ErrorCode::ValidationError, "-1");
    check("{\"protocol\":1,\"op\":\"drain\",\"within\":\"5\"}", ErrorCode::ValidationError, "needs a unit");
    check("{\"protocol\":1,\"op\":\"reload\",\"plugin\":\"../x\"}", ErrorCode::ValidationError, "plugin id");
    check("{\"protocol\":1,\"op\":\"call\",\"request\":{}}", ErrorCode::ValidationError, "execution_id");
}

#[test]
fn what_the_documentation_shows_is_understood() {
    let text = include_str!("../../../../docs/serve-protocol.md");
    let examples: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"protocol\":1,")).collect();
    assert!(examples.len() >= 8, "each operation has an example");
    for example in examples {
        Request::parse(example.as_bytes()).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
    assert_eq!(PROTOCOL, 1, "the document is about this protocol");
}

#[test]
fn every_event_of_an_execution_survives_its_line() {
    for event in [
        ExecutionEvent::Started { worker: Some(WorkerId::generate()) },
        ExecutionEvent::Started { worker: None },
        ExecutionEvent::Log(LogLine::new(LogLevel::Warn, LogStream::Stderr, "odd\n")),
        ExecutionEvent::Progress(Progress::new(Some(0.25), "quarter")),
        ExecutionEvent::Data(vec![0xff, 0, b'\n'].into()),
        ExecutionEvent::Data("text\n".into()),
        ExecutionEvent::DataEnd,
        ExecutionEvent::Slow { after: Duration::from_secs(2) },
    ] {
        let line = event_line(&CallEvent::of(event.clone()).unwrap());
        assert!(is_one_line(&line), "{line:?}");
        let Ok(Reply::Event(document)) = Reply::parse(&line) else { panic!("{line:?}") };
        let read: CallEvent = serde_json::from_str(document.get()).unwrap();
        assert_eq!(ExecutionEvent::from(read), event);
    }
}

#[test]
fn every_outcome_survives_its_line() {
    let backend: BackendChoice =
        serde_json::from_str("{\"kind\":\"subprocess\",\"mode\":\"auto\",\"reason\":\"it is a test\"}")
            .unwrap();
    for result in [
        Ok(Payload::null()),
        Ok(Payload::json(&[None, Some(1)]).unwrap()),
        Ok(Payload::new(vec![0xff], "a/b")),
        Err(ExecutionError::new(ErrorCode::Timeout, "it took long")),
    ] {
        let outcome = Outcome::new(ExecutionId::generate(), BackendKind::Subprocess, result);
        let done = CallDone { outcome, backend: backend.clone() };
        let Ok(Reply::Done(document)) = Reply::parse(&done.to_line()) else { panic!("{done:?}") };
        assert_eq!(serde_json::from_str::<CallDone>(document.get()).unwrap(), done);
    }
}

#[test]
fn every_kind_of_record_survives_its_line() {
    for what in [
        Recorded::Execution {
            plugin: plugin(),
            handler: HandlerId::new("run").unwrap(),
            execution: ExecutionId::generate(),
            worker: Some(WorkerId::generate()),
            line: LogLine::new(LogLevel::Info, LogStream::Logger, "hi"),
        },
        Recorded::Backend(BackendEvent::Spawned { worker: WorkerId::generate(), plugin: plugin(), pid: 7 }),
        Recorded::Backend(BackendEvent::ShuttingDown),
        Recorded::EventsLost(3),
    ] {
        let record = LogRecord { seq: 4, time_ms: 5, what };
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<LogRecord>(&text).unwrap(), record, "{text}");
    }
}

#[test]
fn an_answer_has_exactly_one_kind() {
    let error = ExecutionError::new(ErrorCode::Unsupported, "no");
    assert!(matches!(Reply::parse(&error_line(&error)), Ok(Reply::Error(read)) if read == error));
    assert!(matches!(Reply::parse(&done_line(&())), Ok(Reply::Error(_)) | Err(_)), "`null` is no end");
    assert!(Reply::parse(b"{}").is_err());
    assert!(Reply::parse(b"{\"event\":1,\"done\":2}").is_err());
}

#[tokio::test]
async fn lines_come_whole_however_they_arrive() {
    let (mut client, server) = tokio::io::duplex(3);
    let mut lines = LineReader::new(server);
    let write = async move {
        client.write_all(b"one\n\ntwo and a half\nrest").await.unwrap();
    };
    let read = async move {
        let mut seen = Vec::new();
        while let Some(line) = lines.next(100).await.unwrap() {
            seen.push(String::from_utf8(line).unwrap());
        }
        seen
    };
    let ((), seen) = tokio::join!(write, read);
    assert_eq!(seen, ["one", "", "two and a half"]);
}

#[tokio::test]
async fn a_line_without_an_end_is_not_kept_for_ever() {
    let (mut client, server) = tokio::io::duplex(64);
    let mut lines = LineReader::new(server);
    let flood = async move { while client.write_all(&[b'x'; 64]).await.is_ok() {} };
    let read = async move { lines.next(1000).await };
    let ((), read) = tokio::join!(flood, read);
    assert!(matches!(read, Err(LineError::TooLong { max: 1000 })), "{read:?}");
    let mut exact = LineReader::new(&b"12345\n"[..]);
    assert!(matches!(exact.next(4).await, Err(LineError::TooLong { max: 4 })));
}

proptest::proptest! {
    #[test]
    fn no_line_panics(line: Vec<u8>) {
        drop(Request::parse(&line));
        drop(Reply::parse(&line));
    }

    /// Lines that are nearly right reach further into the reading than noise does.
    #[test]
    fn no_line_that_is_nearly_right_panics(at: proptest::sample::Index, byte: u8, which in 0..3_usize) {
        let lines = [
            Request::Call(Box::new(ExecutionRequest::new("acme/x", "run").unwrap())).to_line(),
            Request::Drain { within: Some(Duration::from_secs(1)) }.to_line(),
            error_line(&ExecutionError::new(ErrorCode::Timeout, "late")),
        ];
        let mut line = lines[which].clone();
        let at = at.index(line.len());
        line[at] = byte;
        drop(Request::parse(&line));
        drop(Reply::parse(&line));
        drop(Request::parse(&line[..at]));
    }
}
