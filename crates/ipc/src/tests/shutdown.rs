//! How connections end: on purpose, by loss, inside a frame, and with the last words read.

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::peer::{Both, accept, both, bytes_of, drain, host_by_hand, reply, start, worker_by_hand};
use crate::codec::CodecKind;
use crate::error::{FramePart, LinkError};
use crate::frame::{Body, CallId, Frame, GoodbyeKind, Kind};
use crate::handshake::{greet, introduce};
use crate::limit::{DEFAULT_HANDSHAKE, LAST_WORDS, LinkLimits};
use crate::link::LinkConfig;
use crate::link::host::{CallEvent, HostEnd};
use crate::link::worker::WorkerEvent;
use crate::testing::{Fault, FaultyWriter, memory_pair};

#[tokio::test(start_paused = true)]
async fn a_host_that_says_goodbye_is_heard_and_the_worker_follows() {
    let Both { host, mut worker, mut tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut call = host.call(start("")).await.unwrap();
    host.goodbye(GoodbyeKind::Done, "idle for long");
    let job = accept(&mut worker).await;
    let Some(WorkerEvent::Goodbye(goodbye)) = worker.accept().await else { panic!() };
    assert_eq!((goodbye.kind, goodbye.reason.as_str()), (GoodbyeKind::Done, "idle for long"));
    job.reply(reply(), Bytes::new()).unwrap();
    worker.goodbye(GoodbyeKind::Done, "");
    assert!(matches!(&drain(&mut call).await[..], [CallEvent::Reply { .. }]));
    for _ in 0..2 {
        let cause = tasks.join_next().await.unwrap().unwrap();
        assert!(matches!(cause, LinkError::Closed | LinkError::ClosedHere), "{cause:?}");
    }
    assert!(worker.accept().await.is_none());
    assert!(host.worker_goodbye().borrow().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_says_goodbye() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut call = host.call(start("")).await.unwrap();
    drop(host);
    let job = accept(&mut worker).await;
    job.reply(reply(), Bytes::new()).unwrap();
    assert_eq!(drain(&mut call).await.len(), 1, "an open call keeps the connection");
    drop(call);
    assert!(matches!(worker.accept().await, Some(WorkerEvent::Goodbye(_))));
}

#[tokio::test(start_paused = true)]
async fn a_result_sent_just_before_the_end_is_read() {
    let mut peer = host_by_hand(LinkLimits::default()).await;
    let mut call = peer.end.call(start("")).await.unwrap();
    peer.read().await;
    peer.send(Frame::new(CallId(1), reply(), Bytes::from(vec![1; 50_000]))).await;
    drop((peer.reader, peer.writer));
    assert!(matches!(peer.tasks.join_next().await, Some(Ok(LinkError::Closed))));
    let events = drain(&mut call).await;
    assert!(matches!(&events[..], [CallEvent::Reply { payload, .. }] if payload.len() == 50_000));
}

#[tokio::test(start_paused = true)]
async fn an_end_between_frames_and_one_inside_are_told_apart() {
    let frame = Frame::new(CallId(1), reply(), Bytes::from(vec![1; 100]));
    let len = bytes_of(CodecKind::Bincode, std::slice::from_ref(&frame)).len();
    for n_bytes in [0, 10, 20, len - 1] {
        let (host_io, worker_io) = memory_pair(64 * 1024);
        let hello = super::sample::hello();
        let (greeted, session) = tokio::join!(
            async {
                greet(host_io.0, host_io.1, DEFAULT_HANDSHAKE)
                    .await
                    .unwrap()
                    .welcome(crate::frame::Welcome::default())
                    .await
            },
            introduce(worker_io.0, worker_io.1, CodecKind::Bincode, hello, DEFAULT_HANDSHAKE),
        );
        let (host, driver) = HostEnd::new(greeted.unwrap(), LinkConfig::default());
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(driver.run());
        let mut call = host.call(start("")).await.unwrap();
        let (reader, writer) = session.unwrap().into_parts();
        let mut writer = FaultyWriter::new(writer.into_inner(), n_bytes, Fault::Eof);
        // Fails at the planned byte, as a worker does that dies in the middle of a write.
        let written = writer.write_all(&bytes_of(CodecKind::Bincode, std::slice::from_ref(&frame))).await;
        assert!(written.is_err());
        drop((reader, writer));
        let cause = call.next().await.unwrap_err();
        match cause {
            LinkError::Closed => assert_eq!(n_bytes, 0),
            LinkError::Truncated { part, .. } => assert_eq!(part == FramePart::Header, n_bytes < 20),
            other => panic!("{n_bytes}: {other:?}"),
        }
        assert!(!matches!(host.closed().await, LinkError::DriverDropped));
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_reading_is_still_heard_and_then_given_up() {
    let mut peer = host_by_hand(LinkLimits::default()).await;
    let mut call = peer.end.call(start("")).await.unwrap();
    peer.read().await;
    // The worker keeps its half open and says nothing more, after the host said goodbye.
    let began = tokio::time::Instant::now();
    peer.say(crate::frame::Started::default()).await;
    peer.end.goodbye(GoodbyeKind::Done, "");
    let cause = peer.end_of_link().await;
    assert!(matches!(cause, LinkError::ClosedHere), "{cause:?}");
    assert!(began.elapsed() >= LAST_WORDS && began.elapsed() < 2 * LAST_WORDS);
    assert!(matches!(call.next().await, Ok(Some(CallEvent::Started { .. }))));
    assert!(matches!(call.next().await, Err(LinkError::ClosedHere)));
}

#[tokio::test(start_paused = true)]
async fn an_aborted_connection_ends_at_once() {
    let Both { host, worker, mut tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    host.abort();
    assert!(matches!(host.closed().await, LinkError::ClosedHere));
    while tasks.join_next().await.is_some() {}
    assert!(matches!(worker.closed().await, LinkError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_dropped_answers_what_it_did_not_accept() {
    let mut peer = worker_by_hand(LinkLimits::default()).await;
    peer.send(Frame::bare(CallId(1), crate::frame::Call::default())).await;
    peer.send(Frame::connection(crate::frame::Ping { nonce: 0 })).await;
    assert_eq!(peer.read().await.kind(), Kind::Pong);
    drop(peer.end);
    let Some(crate::reader::Incoming::Frame(frame)) = peer.reader.next().await.unwrap() else { panic!() };
    assert!(matches!(frame.body, Body::Error(error) if error.code == "HANDLER_CONTRACT_ERROR"));
    let Some(crate::reader::Incoming::Frame(frame)) = peer.reader.next().await.unwrap() else { panic!() };
    assert_eq!(frame.kind(), Kind::Goodbye);
}
