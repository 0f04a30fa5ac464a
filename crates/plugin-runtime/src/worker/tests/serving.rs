//! Calls, streams, host calls, drain and the end, as a host sees them.
//! What comes before a handler's first line is tested beside this.

use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_ipc::frame::{Cancel, CancelKind};
use plugdock_ipc::link::host::CallEvent;

use super::pair::{connect, failure, next};

#[tokio::test]
async fn a_call_is_started_logged_and_answered() {
    let pair = connect().await;
    let mut call = pair.call("echo", "\"hi\"", 0).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    let CallEvent::Log(record) = next(&mut call).await else { panic!("a log record was due") };
    assert_eq!((record.message.as_str(), record.fields.as_str()), ("echoing", r#"{"n":1}"#));
    assert!(matches!(next(&mut call).await, CallEvent::Progress(progress) if progress.fraction == Some(0.5)));
    let CallEvent::Reply { payload, content_type, .. } = next(&mut call).await else {
        panic!("a reply was due")
    };
    assert_eq!((&payload[..], content_type.as_str()), (&b"\"hi\""[..], "application/json"));
    drop(call);
    pair.goodbye().await;
}

#[tokio::test]
async fn a_host_call_comes_back_with_its_body() {
    let pair = connect().await;
    let mut call = pair.call("ask", "\"k\"", 0).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    let CallEvent::HostCall(request) = next(&mut call).await else { panic!("a host call was due") };
    assert_eq!(
        (request.service.as_str(), request.method.as_str(), request.args.as_str()),
        ("cache", "get", r#"{"key":"k"}"#)
    );
    call.reply(request.id, Ok("true".to_owned()), Bytes::from_static(b"12345")).unwrap();
    assert!(matches!(next(&mut call).await, CallEvent::Reply { payload, .. } if &payload[..] == b"5"));
    drop(call);
    pair.goodbye().await;
}

#[tokio::test]
async fn a_denial_of_the_host_reaches_the_caller_with_its_code() {
    let pair = connect().await;
    let mut call = pair.call("ask", "\"k\"", 0).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    let CallEvent::HostCall(request) = next(&mut call).await else { panic!("a host call was due") };
    let denied = ExecutionError::new(ErrorCode::PermissionDenied, "no").with_help("grant cache");
    call.reply(request.id, Err(denied.into()), Bytes::new()).unwrap();
    let error = failure(&mut call).await;
    assert_eq!((error.code(), error.help()), (&ErrorCode::PermissionDenied, Some("grant cache")));
    drop(call);
    pair.goodbye().await;
}

#[tokio::test]
async fn a_cancelled_call_answers_that_it_was_stopped() {
    let pair = connect().await;
    let mut call = pair.call("wait", "null", 0).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    call.cancel(Cancel::new(CancelKind::Timeout, "", Duration::from_secs(5)));
    assert_eq!(failure(&mut call).await.code(), &ErrorCode::Timeout);
    drop(call);
    pair.goodbye().await;
}

#[tokio::test]
async fn a_panic_ends_the_call_and_not_the_worker() {
    let pair = connect().await;
    let mut call = pair.call("panic", "null", 0).await;
    let error = failure(&mut call).await;
    assert_eq!((error.code(), error.message()), (&ErrorCode::HandlerPanic, "oh no"));
    let mut call = pair.call("echo", "\"still here\"", 0).await;
    while !next(&mut call).await.is_last() {}
    drop(call);
    pair.goodbye().await;
}

#[tokio::test]
async fn a_stream_comes_in_order_and_ends_before_the_reply() {
    let pair = connect().await;
    let mut call = pair.call("count", "3", 0).await;
    let mut pieces = Vec::new();
    loop {
        match next(&mut call).await {
            CallEvent::Data { stream, bytes, credit } => {
                pieces.push(bytes[0]);
                call.ack(stream, credit).unwrap();
            }
            CallEvent::End { aborted: None, .. } => break,
            CallEvent::Started { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(pieces, [0, 1, 2]);
    assert!(matches!(next(&mut call).await, CallEvent::Reply { payload, .. } if &payload[..] == b"3"));
    drop(call);
    pair.goodbye().await;
}

#[tokio::test]
async fn a_channel_goes_both_ways() {
    let pair = connect().await;
    let mut call = pair.call("double", "null", 1).await;
    let mut input = call.take_input(0).unwrap();
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    input.send(Bytes::from_static(b"ab")).await.unwrap();
    assert!(matches!(next(&mut call).await, CallEvent::Data { bytes, .. } if &bytes[..] == b"abab"));
    input.finish().unwrap();
    assert!(matches!(next(&mut call).await, CallEvent::End { aborted: None, .. }));
    assert!(matches!(next(&mut call).await, CallEvent::Reply { .. }));
    drop(call);
    pair.goodbye().await;
}

#[tokio::test]
async fn a_worker_whose_host_is_gone_ends() {
    let mut pair = connect().await;
    let mut call = pair.call("wait", "null", 0).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    pair.link.shutdown().await;
    drop((call, pair.end));
    assert!(pair.worker.join_next().await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn a_drained_worker_finishes_what_runs_and_says_goodbye() {
    let mut pair = connect().await;
    let mut call = pair.call("wait", "null", 0).await;
    assert!(matches!(next(&mut call).await, CallEvent::Started { .. }));
    pair.end.drain(None);
    call.cancel(Cancel::new(CancelKind::Caller, "enough", Duration::from_secs(5)));
    assert_eq!(failure(&mut call).await.code(), &ErrorCode::Aborted);
    assert!(pair.worker.join_next().await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn a_plugin_is_asked_how_it_is() {
    let pair = connect().await;
    let report = pair.end.health().await.unwrap();
    assert_eq!(
        (report.level, report.detail.as_str()),
        (plugdock_ipc::frame::HealthLevel::Degraded, "the cache is cold")
    );
    pair.goodbye().await;
}

#[tokio::test]
async fn a_cancel_stops_its_own_call_and_the_one_beside_it_goes_on() {
    let pair = connect().await;
    let mut calls = Vec::new();
    let mut inputs = Vec::new();
    for name in ["\"a\"", "\"b\""] {
        let mut call = pair.call("relay", name, 1).await;
        inputs.push(call.take_input(0).unwrap());
        calls.push(call);
    }
    let mut ids = Vec::new();
    // Both run before either gets anything.
    for (call, name) in calls.iter_mut().zip(["a", "b"]) {
        assert!(matches!(next(call).await, CallEvent::Started { .. }));
        let CallEvent::Log(record) = next(call).await else { panic!("a log record was due") };
        assert_eq!(record.message, name);
        ids.push(record.fields);
    }
    assert_ne!(ids[0], ids[1]);
    for (call, input, said) in [(0, "1", "a1"), (1, "2", "b2"), (0, "3", "a3")] {
        inputs[call].send(Bytes::from_static(input.as_bytes())).await.unwrap();
        let event = next(&mut calls[call]).await;
        assert!(
            matches!(&event, CallEvent::Data { bytes, .. } if bytes[..] == *said.as_bytes()),
            "{event:?}"
        );
    }
    calls[0].cancel(Cancel::new(CancelKind::Caller, "enough", Duration::ZERO));
    assert_eq!(failure(&mut calls[0]).await.code(), &ErrorCode::Aborted);
    inputs[1].send(Bytes::from_static(b"4")).await.unwrap();
    assert!(matches!(next(&mut calls[1]).await, CallEvent::Data { bytes, .. } if bytes[..] == *b"b4"));
    inputs.remove(1).finish().unwrap();
    assert!(matches!(next(&mut calls[1]).await, CallEvent::End { aborted: None, .. }));
    let CallEvent::Reply { payload, .. } = next(&mut calls[1]).await else { panic!("a reply was due") };
    assert_eq!(ids[1], format!(r#"{{"id":{}}}"#, String::from_utf8_lossy(&payload)));
    drop((calls, inputs));
    pair.goodbye().await;
}
