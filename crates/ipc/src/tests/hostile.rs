//! Peers that break the rules, one rule at a time: each is named, and the connection ends.

use bytes::Bytes;

use super::peer::{ByHand, host_by_hand, reply, start, worker_by_hand};
use crate::error::{LinkError, Violation};
use crate::frame::{
    Ack, Call, CallId, Data, Drain, End, ErrorReport, Frame, Goodbye, GoodbyeKind, HealthReport, Hello,
    HostCall, HostReply, Kind, LogRecord, Ping, Pong, ReplyOutcome, Started, StopStream, Welcome,
};
use crate::limit::{DEFAULT_STREAM_WINDOW, LinkLimits};
use crate::prelude::Side;

const CALL: CallId = CallId(1);

fn on(call: u64, body: impl Into<crate::frame::Body>) -> Frame {
    Frame::bare(CallId(call), body)
}

fn data(stream: u32, len: usize) -> Frame {
    Frame::new(CALL, Data { stream }, Bytes::from(vec![0; len]))
}

fn host_call(id: u32) -> Frame {
    on(1, HostCall { id, ..HostCall::default() })
}

/// Sends frames as a worker with call 1 open, and compares how the host's link ends.
async fn check_worker(name: &str, frames: Vec<Frame>, expected: Violation) {
    let mut peer = host_by_hand(LinkLimits::default().with_max_host_calls(2)).await;
    let mut call = peer.end.call(start("")).await.unwrap();
    assert_eq!(peer.read().await.kind(), Kind::Call);
    for frame in frames {
        peer.send(frame).await;
    }
    match peer.end_of_link().await {
        LinkError::Violation(violation) => assert_eq!(violation, expected, "{name}"),
        other => panic!("{name}: {other:?}"),
    }
    // Whatever came before is read first, and then the cause.
    let err = loop {
        match call.next().await {
            Ok(Some(event)) if event.is_last() => return,
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(err, Err(LinkError::Violation(_))), "{name}: {err:?}");
}

#[tokio::test]
async fn calls_are_answered_once_and_only_when_made() {
    let after = |kind| Violation::AfterEnd { kind, call: CALL };
    let never = |kind, call| Violation::UnknownCall { kind, call: CallId(call) };
    check_worker("two replies", vec![on(1, reply()), on(1, reply())], after(Kind::Reply)).await;
    check_worker(
        "error after reply",
        vec![on(1, reply()), on(1, ErrorReport::default())],
        after(Kind::Error),
    )
    .await;
    check_worker("data after reply", vec![on(1, reply()), data(0, 1)], after(Kind::Data)).await;
    check_worker(
        "started after reply",
        vec![on(1, reply()), on(1, Started::default())],
        after(Kind::Started),
    )
    .await;
    check_worker("reply to nobody", vec![on(2, reply())], never(Kind::Reply, 2)).await;
    check_worker("log of nobody", vec![on(u64::MAX, LogRecord::default())], never(Kind::Log, u64::MAX)).await;
    check_worker("host call of nobody", vec![on(7, HostCall::default())], never(Kind::HostCall, 7)).await;
    let twice = Violation::Twice { kind: Kind::Started, call: CALL };
    check_worker("started twice", vec![on(1, Started::default()), on(1, Started::default())], twice).await;
}

#[tokio::test]
async fn streams_keep_to_their_credit() {
    let window = DEFAULT_STREAM_WINDOW as usize;
    let beyond = Violation::BeyondCredit { call: CALL, stream: 0, cost: 64, left: 0 };
    check_worker("data beyond credit", vec![data(0, window), data(0, 1)], beyond).await;
    let flood = Violation::BeyondCredit { call: CALL, stream: 0, cost: 64, left: 0 };
    check_worker("tiny chunks", (0..=window / 64).map(|_| data(0, 1)).collect(), flood).await;
    check_worker("empty chunk", vec![data(0, 0)], Violation::EmptyData { call: CALL, stream: 0 }).await;
    let unknown = |kind, stream| Violation::UnknownStream { kind, call: CALL, stream };
    check_worker("stream out of order", vec![data(1, 1)], unknown(Kind::Data, 1)).await;
    let end = || on(1, End::default());
    check_worker("two ends", vec![end(), end()], unknown(Kind::End, 0)).await;
    check_worker("data after end", vec![end(), data(0, 1)], unknown(Kind::Data, 0)).await;
    let many = Violation::TooManyStreams { call: CALL, limit: 16 };
    check_worker("many streams", (0..17).map(|stream| data(stream, 1)).collect(), many).await;
    check_worker("ack of nothing", vec![on(1, Ack { stream: 0, credit: 1 })], unknown(Kind::Ack, 0)).await;
    check_worker("drop of nothing", vec![on(1, StopStream { stream: 0 })], unknown(Kind::Drop, 0)).await;
}

#[tokio::test]
async fn host_calls_keep_to_their_count() {
    let order = |id, expected| Violation::HostCallOrder { call: CALL, id, expected };
    check_worker("same id twice", vec![host_call(0), host_call(0)], order(0, 1)).await;
    check_worker("id left out", vec![host_call(1)], order(1, 0)).await;
    let many = Violation::TooManyHostCalls { call: CALL, limit: 2 };
    check_worker("too many", vec![host_call(0), host_call(1), host_call(2)], many).await;
}

#[tokio::test]
async fn frames_go_one_way_only() {
    let wrong = |kind| Violation::Unexpected { kind, side: Side::Host };
    let frames = [
        Frame::connection(Hello::default()),
        Frame::connection(Welcome::default()),
        Frame::connection(Ping::default()),
        Frame::connection(Drain::default()),
        on(1, Call::default()),
        on(1, HostReply { id: 0, outcome: ReplyOutcome::Ok(String::new()) }),
    ];
    for frame in frames {
        let kind = frame.kind();
        check_worker("wrong way", vec![frame], wrong(kind)).await;
    }
    let probe = |kind| Violation::UnknownProbe { kind, nonce: 9 };
    check_worker("pong", vec![Frame::connection(Pong { nonce: 9, ..Pong::default() })], probe(Kind::Pong))
        .await;
    let report = HealthReport { nonce: 9, ..HealthReport::default() };
    check_worker("report", vec![Frame::connection(report)], probe(Kind::HealthReport)).await;
    let goodbye = Frame::connection(Goodbye::new(GoodbyeKind::Done, ""));
    let after = Violation::AfterGoodbye { kind: Kind::Reply };
    check_worker("reply after goodbye", vec![goodbye, on(1, reply())], after).await;
}

/// Sends frames as a host, and compares how the worker's link ends.
async fn check_host(name: &str, frames: Vec<Frame>, expected: Violation) {
    let mut peer: ByHand<_> = worker_by_hand(LinkLimits::default().with_max_open_calls(2)).await;
    for frame in frames {
        peer.send(frame).await;
    }
    match peer.end_of_link().await {
        LinkError::Violation(violation) => assert_eq!(violation, expected, "{name}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn a_worker_holds_its_host_to_the_rules_too() {
    let call = |id| on(id, Call { n_input_streams: 1, ..Call::default() });
    let twice = Violation::Twice { kind: Kind::Call, call: CALL };
    check_host("same call twice", vec![call(1), call(1)], twice).await;
    let unknown = Violation::UnknownCall { kind: Kind::Data, call: CALL };
    check_host("data for no call", vec![data(0, 1)], unknown).await;
    check_host("many calls", vec![call(1), call(2), call(3)], Violation::TooManyCalls { limit: 2 }).await;
    let window = DEFAULT_STREAM_WINDOW as usize;
    let beyond = Violation::BeyondCredit { call: CALL, stream: 0, cost: 64, left: 0 };
    check_host("beyond credit", vec![call(1), data(0, window), data(0, 1)], beyond).await;
    let stream = |kind, stream| Violation::UnknownStream { kind, call: CALL, stream };
    check_host("undeclared stream", vec![call(1), data(1, 1)], stream(Kind::Data, 1)).await;
    check_host("ack", vec![call(1), on(1, Ack { stream: 0, credit: 1 })], stream(Kind::Ack, 0)).await;
    let reply = HostReply { id: 0, outcome: ReplyOutcome::Ok(String::new()) };
    check_host("unasked", vec![call(1), on(1, reply)], Violation::NotAsked { call: CALL, id: 0 }).await;
    let wrong = Violation::Unexpected { kind: Kind::Pong, side: Side::Worker };
    check_host("pong", vec![Frame::connection(Pong::default())], wrong).await;
}

#[tokio::test]
async fn more_credit_than_was_used_is_a_violation() {
    let mut peer = host_by_hand(LinkLimits::default()).await;
    let mut start = start("");
    start.call.n_input_streams = 1;
    let mut call = peer.end.call(start).await.unwrap();
    call.take_input(0).unwrap().send(Bytes::from(vec![0; 1000])).await.unwrap();
    peer.read().await;
    peer.say(Ack { stream: 0, credit: 1000 }).await;
    peer.say(Ack { stream: 0, credit: 1 }).await;
    let cause = peer.end_of_link().await;
    let expected = Violation::AckOverflow { call: CALL, stream: 0, credit: 1, used: 0 };
    assert!(matches!(&cause, LinkError::Violation(violation) if *violation == expected), "{cause:?}");
}

#[tokio::test]
async fn frames_that_cross_with_the_end_of_a_call_are_no_fault() {
    let mut peer = host_by_hand(LinkLimits::default()).await;
    let mut call = peer.end.call(start("")).await.unwrap();
    peer.read().await;
    peer.say(reply()).await;
    peer.say(LogRecord::default()).await;
    peer.say(Ack { stream: 3, credit: 1 }).await;
    peer.send(host_call(0)).await;
    // The host call of a call that has ended is refused, never handed out.
    let Frame { body: crate::frame::Body::HostReply(answer), .. } = peer.read().await else { panic!() };
    assert!(matches!(answer.outcome, ReplyOutcome::Err(report) if report.code == "ABORTED"));
    assert_eq!(super::peer::drain(&mut call).await.len(), 1);
    assert_eq!(peer.end.n_late(), 3);
    let mut peer = worker_by_hand(LinkLimits::default()).await;
    peer.send(on(1, Call::default())).await;
    super::peer::accept(&mut peer.end).await.reply(reply(), Bytes::new()).unwrap();
    assert_eq!(peer.read().await.kind(), Kind::Reply);
    for frame in [data(0, 1), on(1, End::default()), on(1, Ack::default()), host_call_reply()] {
        peer.send(frame).await;
    }
    peer.send(Frame::connection(Ping { nonce: 4 })).await;
    assert_eq!(peer.read().await.body, Pong { nonce: 4, busy: false, heartbeat_age_ms: None }.into());
}

fn host_call_reply() -> Frame {
    on(1, HostReply { id: 0, outcome: ReplyOutcome::Ok(String::new()) })
}

#[tokio::test]
async fn a_worker_that_floods_without_reading_is_cut_off() {
    let mut peer = host_by_hand(LinkLimits::default()).await;
    let call = peer.end.call(start("")).await.unwrap();
    peer.read().await;
    drop(call);
    let flood = async {
        for id in 0.. {
            if peer.writer.lock().await.write(host_call(id)).await.is_err() {
                break;
            }
        }
    };
    let (cause, ()) = tokio::join!(peer.tasks.join_next(), flood);
    let cause = cause.unwrap().unwrap();
    assert!(matches!(cause, LinkError::Overfull { .. }), "{cause:?}");
}
