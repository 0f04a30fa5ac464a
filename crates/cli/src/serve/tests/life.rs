//! A server's whole life on a real socket: what it records, how it drains, and that it leaves nothing.

use std::time::Duration;

use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::{ErrorCode, PluginId, ShutdownReport};
use plugdock_core_runtime::{StopSignal, StopSignals};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{HUNG, joined, request, server, spawn};
use crate::client::Connection;
use crate::fake_backend::FakeBackend;
use crate::protocol::{CallControl, LogsQuery, PsDone, Reply, Request, StatsDone};
use crate::serve::Listener;

/// A server on a socket of its own.
struct Life {
    folder: tempfile::TempDir,
    signals: mpsc::Sender<StopSignal>,
    running: JoinHandle<()>,
    report: oneshot::Receiver<ShutdownReport>,
}

impl Life {
    async fn start(backend: &FakeBackend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&folder.path().join("s.sock")).await.unwrap();
        let (signals, told) = mpsc::channel(4);
        let (tell, report) = oneshot::channel();
        let server = server(backend);
        let running = spawn(async move {
            let report = server.run(&listener, StopSignals::told(told), |_text| {}).await;
            drop(listener);
            tell.send(report).ok();
        });
        Self { folder, signals, running, report }
    }

    async fn connect(&self) -> Connection {
        Connection::open(&self.folder.path().join("s.sock")).await.unwrap()
    }

    async fn signal(&self, signal: StopSignal) {
        self.signals.send(signal).await.unwrap();
    }

    /// Waits for the end; nothing is left then.
    async fn ended(self) -> ShutdownReport {
        joined(self.running).await;
        assert_eq!(
            std::fs::read_dir(self.folder.path()).unwrap().count(),
            0,
            "socket, lock and folder are gone"
        );
        self.report.await.unwrap()
    }
}

#[tokio::test]
async fn a_drain_lets_what_runs_finish_while_others_may_look_and_then_ends_everything() {
    let backend = FakeBackend::default();
    let life = Life::start(&backend).await;
    let mut caller = life.connect().await;
    caller.send(&request("wait")).await.unwrap();
    backend.runs(1).await;
    let mut follower = life.connect().await;
    follower.send(&Request::Logs(LogsQuery { last: 0, follow: true, plugin: None })).await.unwrap();
    let mut drainer = life.connect().await;
    drainer.send(&Request::Drain { within: Some(Duration::from_secs(20)) }).await.unwrap();
    // Level-triggered: looked at until the state is there.
    let mut watcher = life.connect().await;
    let looks = async {
        loop {
            let stats: StatsDone = watcher.ask(&Request::Stats).await.unwrap();
            if stats.server.draining {
                break;
            }
        }
    };
    tokio::time::timeout(HUNG, looks).await.expect("the drain begins");
    caller.say(&CallControl { cancel: "done".into() }).await;
    while !matches!(caller.next().await.unwrap(), Reply::Done(_)) {}
    assert!(matches!(drainer.next().await.unwrap(), Reply::Done(_)));
    assert!(matches!(follower.next().await.unwrap(), Reply::Done(_)), "the log ends with the server");
    assert_eq!(life.ended().await, ShutdownReport::default());
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    let backend = FakeBackend::default();
    let life = Life::start(&backend).await;
    let mut caller = life.connect().await;
    caller.send(&request("wait")).await.unwrap();
    backend.runs(1).await;
    life.signal(StopSignal::Interrupt).await;
    life.signal(StopSignal::Interrupt).await;
    life.ended().await;
    assert_eq!(backend.stopped(), [Some("shutdown Now".to_owned())]);
}

#[tokio::test]
async fn connections_are_bounded_and_the_next_is_told_why() {
    let life = Life::start(&FakeBackend::default()).await;
    let mut held = Vec::new();
    for _connection in 0..256 {
        let mut connection = life.connect().await;
        connection.ask::<PsDone>(&Request::Ps).await.unwrap();
        held.push(connection);
    }
    let refused = life.connect().await.next().await.unwrap();
    assert!(
        matches!(&refused, Reply::Error(error) if error.code() == &ErrorCode::ResourceExhausted),
        "{refused:?}"
    );
    drop(held);
    life.signal(StopSignal::Interrupt).await;
    life.ended().await;
}

#[tokio::test]
async fn the_log_has_what_executions_said_and_what_happened_in_the_backend() {
    let backend = FakeBackend::default();
    let life = Life::start(&backend).await;
    let mut client = life.connect().await;
    client.send(&request("echo")).await.unwrap();
    while !matches!(client.next().await.unwrap(), Reply::Done(_)) {}
    backend.happens(BackendEvent::Released { plugin: PluginId::new("acme/y").unwrap() });
    let follow = LogsQuery { last: 100, follow: true, plugin: None };
    let mut reader = life.connect().await;
    reader.send(&Request::Logs(follow)).await.unwrap();
    let mut records = Vec::new();
    while records.len() < 3 {
        let Reply::Event(record) = reader.next().await.unwrap() else { panic!("the end") };
        records.push(serde_json::from_str::<Value>(record.get()).unwrap());
    }
    let said = &records[0]["execution"];
    assert_eq!(
        (&said["plugin"], &said["handler"], &said["worker"]),
        (&"acme/x".into(), &"echo".into(), &"worker_7".into())
    );
    assert_eq!(said["line"]["message"], "this is echo");
    assert_eq!(records[1]["events_lost"], 3, "what the backend dropped is counted");
    assert_eq!(records[2]["backend"]["event"], "released");
    let only = LogsQuery { last: 9, follow: false, plugin: PluginId::new("acme/y").ok() };
    reader = life.connect().await;
    reader.send(&Request::Logs(only)).await.unwrap();
    assert!(matches!(reader.next().await.unwrap(), Reply::Event(_)));
    assert!(matches!(reader.next().await.unwrap(), Reply::Done(_)));
    life.signal(StopSignal::Terminate).await;
    life.ended().await;
}
