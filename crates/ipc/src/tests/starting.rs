//! `Started` and the wait for it: a worker knows when the stream took the whole frame.
//! The hosts here are frames by hand over a stream so narrow that nothing passes before they read.

use std::time::Duration;

use bytes::Bytes;

use super::peer::{ByHand, accept, reply, worker_by_hand, worker_by_hand_over};
use crate::error::{LinkError, SendError};
use crate::frame::{Body, Call, CallId, Frame, HEADER_LEN, Kind, Ping};
use crate::limit::LinkLimits;
use crate::link::worker::{WorkerCall, WorkerEnd};

/// Less than the smallest frame.
const NARROW: usize = HEADER_LEN - 1;

/// With paused time this passes as soon as nothing can move any more.
const IDLE: Duration = Duration::from_millis(1);

async fn narrow() -> ByHand<WorkerEnd> {
    worker_by_hand_over(LinkLimits::default(), NARROW).await
}

async fn called(host: &mut ByHand<WorkerEnd>, id: u64) -> WorkerCall {
    host.send(Frame::bare(CallId(id), Call { handler: "echo".into(), ..Call::default() })).await;
    accept(&mut host.end).await
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_until_the_host_took_it_and_can_be_waited_for_again() {
    let mut host = narrow().await;
    let job = called(&mut host, 1).await;
    let handle = job.handle();
    for _ in 0..2 {
        tokio::time::timeout(IDLE, handle.flush_started()).await.expect_err("nobody has read");
    }
    let (read, flushed) = tokio::join!(host.read(), handle.flush_started());
    assert_eq!((read.kind(), read.call), (Kind::Started, CallId(1)));
    flushed.unwrap();
    handle.flush_started().await.unwrap();
    let (next, ()) = tokio::join!(host.read(), async { job.reply(reply(), Bytes::new()).unwrap() });
    assert_eq!(next.kind(), Kind::Reply, "it is said once");
    assert!(matches!(handle.flush_started().await, Err(SendError::CallOver { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_not_taken_is_an_error_when_the_host_goes() {
    let mut host = narrow().await;
    let job = called(&mut host, 1).await;
    let handle = job.handle();
    tokio::time::timeout(IDLE, handle.flush_started()).await.expect_err("nobody has read");
    let ByHand { end: _end, reader, writer, tasks: _tasks } = host;
    drop((reader, writer));
    let gone = handle.flush_started().await.unwrap_err();
    assert!(matches!(gone, SendError::Link(LinkError::Closed | LinkError::Write(_))), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_taken_stays_taken_when_the_host_goes() {
    let mut host = worker_by_hand(LinkLimits::default()).await;
    let job = called(&mut host, 1).await;
    let handle = job.handle();
    handle.started().unwrap();
    assert_eq!(host.read().await.kind(), Kind::Started);
    let ByHand { end, reader, writer, tasks: _tasks } = host;
    drop((reader, writer));
    end.closed().await;
    handle.flush_started().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_passes_the_bulk_of_other_calls_and_pings_are_answered_meanwhile() {
    let mut host = narrow().await;
    let busy = called(&mut host, 1).await;
    busy.handle().started().unwrap();
    assert_eq!(host.read().await.kind(), Kind::Started);
    // One chunk is on its way, more wait behind it.
    let mut stream = busy.handle().open_stream().unwrap();
    for _ in 0..3 {
        stream.send(Bytes::from(vec![7; 20_000])).await.unwrap();
        tokio::task::yield_now().await;
    }
    let job = called(&mut host, 2).await;
    let handle = job.handle();
    tokio::time::timeout(IDLE, handle.flush_started()).await.expect_err("nobody has read");
    host.send(Frame::connection(Ping { nonce: 9 })).await;
    let mut kinds = Vec::new();
    for _ in 0..5 {
        kinds.push(host.read().await.kind());
    }
    assert_eq!(kinds, [Kind::Data, Kind::Started, Kind::Pong, Kind::Data, Kind::Data]);
    handle.flush_started().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_is_never_behind_the_end_of_its_call() {
    let mut host = worker_by_hand(LinkLimits::default()).await;
    for id in 1..=2 {
        let job = called(&mut host, id).await;
        let handle = job.handle();
        if id == 1 {
            handle.started().unwrap();
        }
        drop(job);
        assert!(matches!(handle.started(), Err(SendError::CallOver { .. })));
    }
    let mut said = Vec::new();
    for _ in 0..3 {
        let frame = host.read().await;
        said.push((frame.call.0, frame.kind()));
        assert!(!matches!(frame.body, Body::Reply(_)));
    }
    assert_eq!(said, [(1, Kind::Started), (1, Kind::Error), (2, Kind::Error)]);
}
