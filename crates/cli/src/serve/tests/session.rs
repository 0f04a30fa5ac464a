//! Sessions over pipes in memory: each operation, and clients that misbehave.

use std::sync::Arc;

use plugdock_contracts::{ErrorCode, PluginId};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;

use super::{HUNG, joined, request, server, spawn};
use crate::fake_backend::FakeBackend;
use crate::protocol::{CallControl, LineReader, Request};
use crate::serve::outbox::Outbox;
use crate::serve::session::Session;
use crate::serve::shared::Shared;

/// The client's end of a session.
struct Client {
    lines: LineReader<tokio::io::ReadHalf<DuplexStream>>,
    write: tokio::io::WriteHalf<DuplexStream>,
}

impl Client {
    async fn send(&mut self, request: &Request) {
        self.write.write_all(&request.to_line()).await.unwrap();
    }

    /// The next line; `None` when the session is over.
    async fn next(&mut self) -> Option<Value> {
        let line =
            tokio::time::timeout(HUNG, self.lines.next(1 << 30)).await.expect("a line in time").unwrap()?;
        Some(serde_json::from_slice(&line).unwrap())
    }

    async fn ask(&mut self, request: &Request) -> Value {
        self.send(request).await;
        self.next().await.unwrap()
    }
}

/// A session of its own, over a pipe that holds so many bytes.
fn session(shared: &Arc<Shared>, buffer: usize) -> (Client, JoinHandle<()>) {
    let (client, end) = tokio::io::duplex(buffer);
    let shared = Arc::clone(shared);
    let handle = spawn(async move {
        let (read, write) = tokio::io::split(end);
        Session::new(&shared, read, write).run().await;
    });
    let (read, write) = tokio::io::split(client);
    (Client { lines: LineReader::new(read), write }, handle)
}

#[tokio::test]
async fn a_call_tells_its_events_and_ends_with_its_outcome() {
    let backend = FakeBackend::default();
    let shared = server(&backend).shared();
    let (mut client, running) = session(&shared, 1 << 16);
    for _again in 0..2 {
        client.send(&request("echo")).await;
        assert_eq!(client.next().await.unwrap()["event"]["started"]["worker"], "worker_7");
        assert_eq!(client.next().await.unwrap()["event"]["log"]["message"], "this is echo");
        let done = client.next().await.unwrap();
        assert_eq!(done["done"]["outcome"]["result"]["Ok"]["json"], 7);
        assert_eq!(done["done"]["backend"]["kind"], "custom");
    }
    client.send(&request("fail")).await;
    let mut last = client.next().await.unwrap();
    while last.get("done").is_none() {
        last = client.next().await.unwrap();
    }
    assert_eq!(last["done"]["outcome"]["result"]["Err"]["code"], "HANDLER_ERROR", "an outcome is no refusal");
    drop(client);
    joined(running).await;
}

#[tokio::test]
async fn a_client_may_cancel_and_gets_the_outcome() {
    let backend = FakeBackend::default();
    let (mut client, _running) = session(&server(&backend).shared(), 1 << 16);
    client.send(&request("wait")).await;
    client.next().await.unwrap();
    client.next().await.unwrap();
    let cancel = serde_json::to_vec(&CallControl { cancel: "enough".into() }).unwrap();
    client.write.write_all(&[&cancel[..], b"\n"].concat()).await.unwrap();
    assert_eq!(client.next().await.unwrap()["done"]["outcome"]["result"]["Err"]["message"], "enough");
    client.write.write_all(&[&cancel[..], b"\n"].concat()).await.unwrap();
    let listed = client.ask(&Request::Ps).await;
    assert!(
        listed.get("done").is_some(),
        "the connection is usable further, and what came late is no request"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_execution_and_no_other() {
    let backend = FakeBackend::default();
    let shared = server(&backend).shared();
    let (mut gone, over) = session(&shared, 1 << 16);
    gone.send(&request("wait")).await;
    backend.runs(1).await;
    let (mut stays, _running) = session(&shared, 1 << 16);
    stays.send(&request("wait")).await;
    backend.runs(2).await;
    drop(gone);
    joined(over).await;
    assert_eq!(backend.stopped(), [Some("the caller went away".to_owned()), None]);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody_else() {
    let backend = FakeBackend::default();
    let shared = server(&backend).shared();
    let (mut deaf, over) = session(&shared, 64);
    deaf.send(&request("flood")).await;
    backend.runs(1).await;
    let (mut other, _running) = session(&shared, 1 << 16);
    other.send(&request("echo")).await;
    for _line in 0..3 {
        other.next().await.unwrap();
    }
    assert_eq!(backend.stopped(), [None, None], "the one that does not read waits");
    drop(deaf);
    joined(over).await;
    assert_eq!(backend.stopped()[0].as_deref(), Some("the caller went away"));
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_during_a_call_is_told_so_and_left() {
    let backend = FakeBackend::default();
    for noise in [&b"{\"protocol\":1,\"op\":\"ps\"}\n"[..], &[b'x'; 10_000]] {
        let (mut client, over) = session(&server(&backend).shared(), 1 << 16);
        client.send(&request("wait")).await;
        client.write.write_all(noise).await.unwrap();
        let mut seen = Vec::new();
        while let Some(line) = client.next().await {
            seen.push(line);
        }
        assert_eq!(seen[2]["done"]["outcome"]["result"]["Err"]["message"], "the client broke the protocol");
        assert_eq!(seen[3]["error"]["code"], "PROTOCOL_VIOLATION");
        joined(over).await;
    }
}

#[tokio::test]
async fn hostile_lines_get_a_typed_answer_and_the_connection_stays_until_one_is_too_long() {
    let (mut client, over) = session(&server(&FakeBackend::default()).shared(), 1 << 16);
    for (line, code) in [
        (&b"\n"[..], ErrorCode::ValidationError),
        (b"\xff\xfe\n", ErrorCode::ValidationError),
        (b"{\"protocol\":9,\"op\":\"x\"}\n", ErrorCode::ProtocolMismatch),
        (b"{\"protocol\":1,\"op\":\"x\"}\n", ErrorCode::Unsupported),
    ] {
        client.write.write_all(line).await.unwrap();
        assert_eq!(client.next().await.unwrap()["error"]["code"], code.as_str());
    }
    let Client { mut lines, mut write } = client;
    let flood = async {
        let piece = vec![b' '; 1 << 16];
        while write.write_all(&piece).await.is_ok() {}
    };
    let answer = async {
        let line = lines.next(1 << 20).await.unwrap().unwrap();
        serde_json::from_slice::<Value>(&line).unwrap()
    };
    // The flood ends because nobody reads it any further.
    let ((), answer) =
        tokio::time::timeout(HUNG, async { tokio::join!(flood, answer) }).await.expect("it ends");
    assert_eq!(answer["error"]["code"], "PAYLOAD_TOO_LARGE");
    drop((lines, write));
    joined(over).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let (mut client, over) = session(&server(&FakeBackend::default()).shared(), 1 << 16);
    client.write.write_all(b"{\"proto").await.unwrap();
    let line = client.lines.next(1 << 20).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&line).unwrap()["error"]["code"], "TIMEOUT");
    assert!(client.lines.next(1 << 20).await.unwrap().is_none());
    over.await.unwrap();
}

#[tokio::test]
async fn each_operation_has_its_answer() {
    let (mut client, _running) = session(&server(&FakeBackend::default()).shared(), 1 << 16);
    assert_eq!(client.ask(&Request::Ps).await["done"]["workers"][0]["worker"], "worker_7");
    let stats = client.ask(&Request::Stats).await;
    assert_eq!(
        (&stats["done"]["backend"], &stats["done"]["stats"]["started"]),
        (&"custom".into(), &0.into())
    );
    assert_eq!(stats["done"]["server"]["pid"], std::process::id());
    assert_eq!(client.ask(&Request::Health).await["done"]["level"], "degraded");
    let refused = client.ask(&Request::Resize { min: 1, max: 2 }).await;
    assert_eq!(refused["error"]["code"], "UNSUPPORTED", "the backend's own answer");
    let plugin = PluginId::new("acme/x").ok();
    assert_eq!(client.ask(&Request::Reload { plugin }).await["done"]["reloaded"][0], "acme/x");
}

#[tokio::test]
async fn what_waits_for_a_slow_client_is_written_in_order() {
    let (mut read, write) = tokio::io::duplex(10);
    let mut outbox = Outbox::new(write);
    let mut expected = Vec::new();
    let mut seen = [0; 10];
    for n in 0..200 {
        let line = format!("line {n}\n");
        outbox.put(line.as_bytes());
        expected.extend_from_slice(line.as_bytes());
        outbox.write_some().await.unwrap();
        read.read_exact(&mut seen[..5]).await.unwrap();
        assert_eq!(seen[..5], expected[n * 5..n * 5 + 5]);
    }
    assert!(!outbox.is_empty() && outbox.has_room());
}
