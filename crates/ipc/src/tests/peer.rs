//! What the tests here share: bytes of frames, ends with running drivers, and a peer that sends frames by hand.
//! Tasks run in a set that ends with the test.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::codec::CodecKind;
use crate::error::LinkError;
use crate::frame::{Body, Call, CallId, Frame, Reply};
use crate::limit::LinkLimits;
use crate::link::LinkConfig;
use crate::link::host::{CallEvent, CallStart, HostCallHandle, HostEnd};
use crate::link::worker::{WorkerCall, WorkerEnd, WorkerEvent};
use crate::reader::{FrameReader, Incoming};
use crate::testing::{TestIo, connect, memory_pair};
use crate::writer::{Encoder, FrameWriter};

pub(super) type Io = (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>);

/// The bytes of frames as a writer puts them on the wire.
pub(super) fn bytes_of(codec: CodecKind, frames: &[Frame]) -> Vec<u8> {
    let encoder = Encoder { codec, limits: LinkLimits::default() };
    frames.iter().flat_map(|frame| encoder.encode(frame.clone()).unwrap().to_vec()).collect()
}

/// Both ends over memory, with their drivers running.
pub(super) struct Both {
    pub(super) host: HostEnd,
    pub(super) worker: WorkerEnd,
    pub(super) tasks: JoinSet<LinkError>,
}

pub(super) async fn both(codec: CodecKind, limits: LinkLimits) -> Both {
    let (host_io, worker_io) = memory_pair(64 * 1024);
    let pair = connect(host_io, worker_io, codec, limits).await.unwrap();
    let (host, host_driver) = HostEnd::new(pair.host, LinkConfig::default());
    let (worker, worker_driver) = WorkerEnd::new(pair.worker, LinkConfig::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(host_driver.run());
    tasks.spawn(worker_driver.run());
    Both { host, worker, tasks }
}

/// One side as an end with a running driver, the other as frames by hand.
pub(super) struct ByHand<E> {
    pub(super) end: E,
    pub(super) reader: FrameReader<ReadHalf<DuplexStream>>,
    pub(super) writer: Arc<Mutex<FrameWriter<WriteHalf<DuplexStream>>>>,
    pub(super) tasks: JoinSet<LinkError>,
}

async fn session_pair(
    limits: LinkLimits,
    capacity: usize,
) -> crate::testing::TestPair<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>> {
    let (host_io, worker_io): (TestIo, TestIo) = memory_pair(capacity);
    connect(host_io, worker_io, CodecKind::Bincode, limits).await.unwrap()
}

/// A host whose worker is the test.
pub(super) async fn host_by_hand(limits: LinkLimits) -> ByHand<HostEnd> {
    host_by_hand_over(limits, 64 * 1024).await
}

pub(super) async fn host_by_hand_over(limits: LinkLimits, capacity: usize) -> ByHand<HostEnd> {
    let pair = session_pair(limits, capacity).await;
    let (end, driver) = HostEnd::new(pair.host, LinkConfig::default());
    let (reader, writer) = pair.worker.into_parts();
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    ByHand { end, reader, writer: Arc::new(Mutex::new(writer)), tasks }
}

/// A worker whose host is the test.
pub(super) async fn worker_by_hand(limits: LinkLimits) -> ByHand<WorkerEnd> {
    worker_by_hand_over(limits, 64 * 1024).await
}

pub(super) async fn worker_by_hand_over(limits: LinkLimits, capacity: usize) -> ByHand<WorkerEnd> {
    let pair = session_pair(limits, capacity).await;
    let (end, driver) = WorkerEnd::new(pair.worker, LinkConfig::default());
    let (reader, writer) = pair.host.into_parts();
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    ByHand { end, reader, writer: Arc::new(Mutex::new(writer)), tasks }
}

impl<E> ByHand<E> {
    pub(super) async fn send(&self, frame: Frame) {
        self.writer.lock().await.write(frame).await.unwrap();
    }

    /// Sends a frame on the first call.
    pub(super) async fn say(&self, body: impl Into<Body>) {
        self.send(Frame::bare(CallId(1), body)).await;
    }

    pub(super) async fn read(&mut self) -> Frame {
        match self.reader.next().await.unwrap() {
            Some(Incoming::Frame(frame)) => frame,
            other => panic!("{other:?}"),
        }
    }

    /// Why the end under test gave up.
    pub(super) async fn end_of_link(&mut self) -> LinkError {
        self.tasks.join_next().await.unwrap().unwrap()
    }
}

/// A call of the handler `echo`.
pub(super) fn start(input: impl Into<Bytes>) -> CallStart {
    CallStart { call: Call { handler: "echo".into(), ..Call::default() }, input: input.into() }
}

/// The next call a worker is asked to run.
pub(super) async fn accept(worker: &mut WorkerEnd) -> WorkerCall {
    match worker.accept().await {
        Some(WorkerEvent::Call(call)) => call,
        other => panic!("{other:?}"),
    }
}

/// All events up to the last.
pub(super) async fn drain(call: &mut HostCallHandle) -> Vec<CallEvent> {
    let mut events = Vec::new();
    while let Some(event) = call.next().await.unwrap() {
        events.push(event);
    }
    events
}

/// A reply of plain bytes.
pub(super) fn reply() -> Reply {
    Reply { content_type: "text/plain".into(), ..Reply::default() }
}
