//! No handler begins before the host's stream took its `Started`.
//! The hosts here are frames by hand, over a stream as narrow as the test needs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::ExecutionId;
use plugdock_ipc::frame::{Body, Call, Cancel, CancelKind, Drain, GoodbyeKind, Kind, Ping, Welcome};
use plugdock_ipc::handshake::greet;
use plugdock_ipc::{CallId, Frame, FrameReader, FrameWriter, Incoming};
use tokio::io::{AsyncWrite, DuplexStream, ReadHalf, WriteHalf};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::pair::call_of;
use crate::ctx::Ctx;
use crate::handler::HandlerError;
use crate::plugin::Plugin;
use crate::worker::{ServeConfig, ServeError, serve};

/// Less than the smallest frame, and enough for nothing to fit twice.
const NARROW: usize = 16;

/// With paused time this passes as soon as nothing can move any more.
const IDLE: Duration = Duration::from_millis(1);

/// A worker, and a host that reads only when told.
struct ByHand {
    reader: FrameReader<ReadHalf<DuplexStream>>,
    writer: FrameWriter<WriteHalf<DuplexStream>>,
    worker: JoinSet<Result<(), ServeError>>,
    /// For each handler that began, how often the worker had written then.
    begun: watch::Receiver<Vec<usize>>,
    n_writes: Arc<AtomicUsize>,
}

/// Counts writes.
struct Counting(WriteHalf<DuplexStream>, Arc<AtomicUsize>);

impl AsyncWrite for Counting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write(cx, bytes);
        if written.is_ready() {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn over(capacity: usize) -> ByHand {
    let (mark, begun) = watch::channel(Vec::new());
    let n_writes = Arc::new(AtomicUsize::new(0));
    let built = Arc::new(plugin(mark, Arc::clone(&n_writes)).build().unwrap());
    let (host, pipe) = tokio::io::duplex(capacity);
    let (reader, writer) = tokio::io::split(pipe);
    let writer = Counting(writer, Arc::clone(&n_writes));
    let mut worker = JoinSet::new();
    worker.spawn(serve(reader, writer, built, ServeConfig::new(Handle::current())));
    let (reader, writer) = tokio::io::split(host);
    let greeted = greet(reader, writer, Duration::from_secs(5)).await.unwrap();
    let (reader, writer) = greeted.welcome(Welcome::default()).await.unwrap().into_parts();
    ByHand { reader, writer, worker, begun, n_writes }
}

/// `begin` says that it began, and waits for a cancel if it is told to.
fn plugin(mark: watch::Sender<Vec<usize>>, n_writes: Arc<AtomicUsize>) -> Plugin {
    let mark = Arc::new(mark);
    let handler = move |ctx: Ctx, wait: bool| {
        let (mark, n_writes) = (Arc::clone(&mark), Arc::clone(&n_writes));
        async move {
            mark.send_modify(|begun| begun.push(n_writes.load(Ordering::Relaxed)));
            if wait {
                ctx.cancelled().await;
            }
            Ok::<_, HandlerError>(())
        }
    };
    Plugin::new("acme/test", "1.0.0").handler("begin", handler).concurrent()
}

impl ByHand {
    async fn send(&mut self, frame: Frame) {
        self.writer.write(frame).await.unwrap();
    }

    async fn call(&mut self, id: u64, call: Call, input: &'static str) {
        self.send(Frame::new(CallId(id), call, Bytes::from_static(input.as_bytes()))).await;
    }

    async fn read(&mut self) -> Frame {
        match self.reader.next().await.unwrap() {
            Some(Incoming::Frame(frame)) => frame,
            other => panic!("{other:?}"),
        }
    }

    /// Lets everything move that can; then nothing may have begun.
    async fn assert_nothing_begins(&mut self) {
        let begun = timeout(IDLE, self.begun.wait_for(|begun| !begun.is_empty())).await;
        assert!(begun.is_err(), "a handler began before its start was taken");
    }

    async fn wait_begun(&mut self, n_handlers: usize) -> Vec<usize> {
        self.begun.wait_for(|begun| begun.len() >= n_handlers).await.unwrap().clone()
    }
}

fn begin() -> Call {
    call_of(&ExecutionId::generate(), "begin")
}

#[tokio::test(start_paused = true)]
async fn a_handler_begins_when_its_start_was_taken_and_a_drain_waits_for_it() {
    let mut host = over(NARROW).await;
    host.call(1, begin(), "false").await;
    host.send(Frame::connection(Ping { nonce: 5 })).await;
    host.send(Frame::connection(Drain { deadline_us: None })).await;
    host.assert_nothing_begins().await;
    assert_eq!(host.worker.len(), 1);
    assert!(host.worker.try_join_next().is_none(), "a call that starts is one that runs");
    assert_eq!(host.read().await.kind(), Kind::Started);
    host.wait_begun(1).await;
    assert_eq!(host.read().await.kind(), Kind::Pong, "the ping was heard while the call started");
    assert_eq!(host.read().await.kind(), Kind::Reply);
    let Body::Goodbye(goodbye) = host.read().await.body else { panic!("a goodbye was due") };
    assert_eq!(goodbye.kind, GoodbyeKind::Done);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_before_its_start_was_taken_ran_nothing() {
    let mut host = over(NARROW).await;
    host.call(1, begin(), "false").await;
    host.assert_nothing_begins().await;
    host.worker.shutdown().await;
    // To the end of the stream: half a frame, and nothing whole.
    host.reader.next().await.unwrap_err();
    assert!(host.begun.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_while_the_call_starts_still_stops_it() {
    let mut host = over(NARROW).await;
    host.call(1, begin(), "true").await;
    let cancel = Cancel::new(CancelKind::Timeout, "", Duration::from_secs(5));
    host.send(Frame::bare(CallId(1), cancel)).await;
    host.assert_nothing_begins().await;
    assert_eq!(host.read().await.kind(), Kind::Started);
    let Body::Error(error) = host.read().await.body else { panic!("an error was due") };
    assert_eq!(error.code, "TIMEOUT");
}

#[tokio::test(start_paused = true)]
async fn calls_that_came_together_are_started_with_one_write() {
    let mut host = over(64 * 1024).await;
    let n_before = host.n_writes.load(Ordering::Relaxed);
    for id in 1..=3 {
        host.call(id, begin(), "true").await;
    }
    assert_eq!(host.wait_begun(3).await, [n_before + 1; 3]);
    for id in 1..=3 {
        let frame = host.read().await;
        assert_eq!((frame.call, frame.kind()), (CallId(id), Kind::Started));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_run_is_answered_without_a_start() {
    let mut host = over(64 * 1024).await;
    host.call(1, Call { descriptor: "{".to_owned(), ..begin() }, "false").await;
    host.call(2, call_of(&ExecutionId::generate(), "nobody"), "false").await;
    for code in ["PROTOCOL_VIOLATION", "HANDLER_NOT_FOUND"] {
        let Body::Error(error) = host.read().await.body else { panic!("an error was due") };
        assert_eq!(error.code, code);
    }
}
