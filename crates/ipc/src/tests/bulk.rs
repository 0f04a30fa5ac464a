//! Large transfers: both ways at once, slow readers, and control frames that pass them.

use bytes::Bytes;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::peer::{Both, accept, both, drain, host_by_hand_over, reply, start};
use crate::codec::CodecKind;
use crate::frame::{Call, Cancel, CancelKind, Kind};
use crate::limit::{DEFAULT_PAYLOAD_LIMIT, DEFAULT_STREAM_WINDOW, LinkLimits, OUTGOING_BUDGET};
use crate::link::LinkConfig;
use crate::link::host::{CallEvent, CallStart, HostCallHandle, HostEnd};
use crate::link::worker::{WorkerCall, WorkerEnd};
use crate::testing::connect;

const BULK: usize = DEFAULT_PAYLOAD_LIMIT as usize;

async fn over_unix_sockets() -> Both {
    let (host, worker) = UnixStream::pair().unwrap();
    let (host, worker) = (host.into_split(), worker.into_split());
    let pair = connect(host, worker, CodecKind::Bincode, LinkLimits::default()).await.unwrap();
    let (host, host_driver) = HostEnd::new(pair.host, LinkConfig::default());
    let (worker, worker_driver) = WorkerEnd::new(pair.worker, LinkConfig::default());
    let mut tasks = JoinSet::new();
    tasks.spawn(host_driver.run());
    tasks.spawn(worker_driver.run());
    Both { host, worker, tasks }
}

#[tokio::test]
async fn frames_of_64_mib_cross_without_deadlock() {
    let Both { host, mut worker, tasks: _tasks } = over_unix_sockets().await;
    let mut first = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    // Both sides begin to write before either reads what the other writes.
    job.reply(reply(), Bytes::from(vec![1; BULK])).unwrap();
    let mut second = host.call(start(vec![2; BULK])).await.unwrap();
    let job = accept(&mut worker).await;
    assert!(job.input().len() == BULK && job.input().iter().all(|byte| *byte == 2));
    job.reply(reply(), Bytes::new()).unwrap();
    let Some(CallEvent::Reply { payload, .. }) = first.next().await.unwrap() else { panic!() };
    assert!(payload.len() == BULK && payload.iter().all(|byte| *byte == 1));
    assert_eq!(drain(&mut second).await.len(), 1);
}

async fn send_bulk(mut sender: crate::stream::StreamSender) {
    let chunk = Bytes::from(vec![7; 1024 * 1024]);
    for _ in 0..BULK / chunk.len() {
        sender.send(chunk.clone()).await.unwrap();
    }
    sender.finish().unwrap();
}

async fn receive_at_host(call: &mut HostCallHandle) -> usize {
    let mut n_bytes = 0;
    loop {
        match call.next().await.unwrap() {
            Some(CallEvent::Data { stream, bytes, credit }) => {
                assert!(credit <= DEFAULT_STREAM_WINDOW);
                n_bytes += bytes.len();
                call.ack(stream, credit).unwrap();
            }
            Some(CallEvent::End { aborted: None, .. }) => return n_bytes,
            other => panic!("{other:?}"),
        }
    }
}

async fn echo_job(mut job: WorkerCall) -> usize {
    let mut receiver = job.take_input(0).unwrap();
    let sending = send_bulk(job.handle().open_stream().unwrap());
    let receiving = async {
        let mut n_bytes = 0;
        while let Some(chunk) = receiver.recv().await.unwrap() {
            n_bytes += chunk.len();
        }
        n_bytes
    };
    let ((), n_bytes) = tokio::join!(sending, receiving);
    job.reply(reply(), Bytes::new()).unwrap();
    n_bytes
}

#[tokio::test]
async fn streams_of_64_mib_cross_without_deadlock() {
    let Both { host, mut worker, tasks: _tasks } = over_unix_sockets().await;
    let meta = Call { handler: "echo".into(), n_input_streams: 1, ..Call::default() };
    let mut call = host.call(CallStart { call: meta, input: Bytes::new() }).await.unwrap();
    let job = accept(&mut worker).await;
    let sender = call.take_input(0).unwrap();
    let ((), n_host, n_worker) = tokio::join!(send_bulk(sender), receive_at_host(&mut call), echo_job(job));
    assert_eq!((n_host, n_worker), (BULK, BULK));
}

/// How far a stream gets before its sender waits.
async fn sent_until_stuck(sender: &mut crate::stream::StreamSender) -> usize {
    let mut n_bytes = 0;
    // With paused time the timeout passes only when nothing else can happen.
    while tokio::time::timeout(std::time::Duration::from_secs(1), sender.send(Bytes::from_static(&[0; 1024])))
        .await
        .is_ok()
    {
        n_bytes += 1024;
    }
    n_bytes
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_stops_its_stream_and_no_other_call() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut slow = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    let mut sender = job.handle().open_stream().unwrap();
    assert_eq!(sent_until_stuck(&mut sender).await, DEFAULT_STREAM_WINDOW as usize);
    // The connection is free meanwhile.
    let mut quick = host.call(start("")).await.unwrap();
    accept(&mut worker).await.reply(reply(), Bytes::new()).unwrap();
    assert_eq!(drain(&mut quick).await.len(), 1);
    let Some(CallEvent::Data { stream, .. }) = slow.next().await.unwrap() else { panic!() };
    slow.ack(stream, DEFAULT_STREAM_WINDOW / 4).unwrap();
    assert_eq!(sent_until_stuck(&mut sender).await, DEFAULT_STREAM_WINDOW as usize / 4);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_bounds_what_is_queued() {
    let limits = LinkLimits::default().with_stream_window(16 * 1024 * 1024);
    let mut peer = host_by_hand_over(limits, 4096).await;
    let meta = Call { handler: "echo".into(), n_input_streams: 1, ..Call::default() };
    let mut call = peer.end.call(CallStart { call: meta, input: Bytes::new() }).await.unwrap();
    let mut sender = call.take_input(0).unwrap();
    let n_sent = sent_until_stuck(&mut sender).await;
    assert!(n_sent <= 2 * OUTGOING_BUDGET as usize, "{n_sent} bytes queued");
    // A cancel passes everything but what the transport and the current write hold.
    call.cancel(Cancel::new(CancelKind::Caller, "", std::time::Duration::ZERO));
    let mut n_before = 0;
    while peer.read().await.kind() != Kind::Cancel {
        n_before += 1;
    }
    assert!(n_before <= 80, "{n_before} frames before the cancel");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_sent_is_withdrawn() {
    let mut peer = host_by_hand_over(LinkLimits::default(), 4096).await;
    // The first call fills the transport, the second waits behind it.
    let _first = peer.end.call(start(vec![0; 500_000])).await.unwrap();
    tokio::task::yield_now().await;
    let mut second = peer.end.call(start("")).await.unwrap();
    second.cancel(Cancel::new(CancelKind::Caller, "too late", std::time::Duration::ZERO));
    let events = drain(&mut second).await;
    assert!(matches!(&events[..], [CallEvent::Error(error)] if error.code == "ABORTED"), "{events:?}");
    let mut third = peer.end.call(start("")).await.unwrap();
    let ids = [peer.read().await.call.0, peer.read().await.call.0];
    assert_eq!(ids, [1, 3], "the second was never sent");
    third.cancel(Cancel::new(CancelKind::Caller, "", std::time::Duration::ZERO));
    assert_eq!(peer.read().await.kind(), Kind::Cancel);
    assert!(third.take_input(0).is_none());
}
