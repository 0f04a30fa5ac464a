//! The worker's side against a host in the same process, over a pipe in memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::{ExecutionId, HandlerId};
use plugdock_ipc::LinkError;
use plugdock_ipc::frame::{Call, Cancel, CancelKind, GoodbyeKind, Welcome};
use plugdock_ipc::handshake::greet;
use plugdock_ipc::link::LinkConfig;
use plugdock_ipc::link::host::{CallEvent, CallStart, HostCallHandle, HostEnd};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::{ServeConfig, ServeError, serve};
use crate::ctx::Ctx;
use crate::descriptor::CallDescriptor;
use crate::handler::HandlerError;
use crate::plugin::Plugin;
use crate::stream::{Input, Output};

fn plugin() -> Plugin {
    Plugin::new("acme/test", "1.0.0")
        .health(async || {
            HealthReport::of(vec![HealthIssue::new(HealthLevel::Degraded, "cold", "the cache is cold")])
        })
        .handler("echo", async |ctx: Ctx, text: String| {
            ctx.log().with("n", &1).info("echoing");
            ctx.progress(0.5, "half");
            Ok(text)
        })
        .handler("ask", async |ctx: Ctx, key: String| {
            let value = ctx.cache().get(&key).await?;
            Ok(value.map(|value| value.len()))
        })
        .handler("wait", async |ctx: Ctx, (): ()| -> Result<(), HandlerError> {
            ctx.cancelled().await;
            Err(HandlerError::message("stopped late"))
        })
        .handler("panic", async |_ctx: Ctx, (): ()| -> Result<(), HandlerError> { panic!("oh no") })
        .stream("count", async |_ctx: Ctx, n: u8, output: Output| {
            for i in 0..n {
                output.send(vec![i]).await?;
            }
            Ok(n)
        })
        .channel("double", async |_ctx: Ctx, (): (), mut input: Input, output: Output| {
            while let Some(piece) = input.next().await? {
                output.send([&piece[..], &piece[..]].concat()).await?;
            }
            Ok(())
        })
}

/// A host and the worker it talks to.
struct Pair {
    end: HostEnd,
    link: JoinSet<LinkError>,
    worker: JoinSet<Result<(), ServeError>>,
}

async fn connect() -> Pair {
    let (host, worker_pipe) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(worker_pipe);
    let built = Arc::new(plugin().build().unwrap());
    let mut worker = JoinSet::new();
    worker.spawn(serve(reader, writer, built, ServeConfig::new(Handle::current())));
    let (reader, writer) = tokio::io::split(host);
    let greeted = greet(reader, writer, Duration::from_secs(5)).await.unwrap();
    assert_eq!(greeted.hello().plugin_id, "acme/test");
    assert_eq!(greeted.hello().handlers.len(), 6);
    let session = greeted.welcome(Welcome::default()).await.unwrap();
    let (end, driver) = HostEnd::new(session, LinkConfig::default());
    let mut link = JoinSet::new();
    link.spawn(driver.run());
    Pair { end, link, worker }
}

impl Pair {
    async fn call(&self, handler: &str, input: &str, n_input_streams: u32) -> HostCallHandle {
        let plugin = plugin().build().unwrap().description().id.clone();
        let descriptor =
            CallDescriptor::new(ExecutionId::generate(), plugin, HandlerId::new(handler).unwrap());
        let call = Call {
            handler: handler.to_owned(),
            descriptor: serde_json::to_string(&descriptor).unwrap(),
            content_type: "application/json".to_owned(),
            n_input_streams,
            ..Call::default()
        };
        self.end.call(CallStart { call, input: Bytes::copy_from_slice(input.as_bytes()) }).await.unwrap()
    }

    /// Ends as a host does.
    async fn goodbye(mut self) {
        self.end.goodbye(GoodbyeKind::Done, "");
        self.worker.join_next().await.unwrap().unwrap().unwrap();
        self.link.join_next().await.unwrap().unwrap();
    }
}

async fn next(call: &mut HostCallHandle) -> CallEvent {
    call.next().await.unwrap().expect("the call has not ended")
}

async fn failure(call: &mut HostCallHandle) -> ExecutionError {
    loop {
        if let CallEvent::Error(report) = next(call).await {
            return (*report).into();
        }
    }
}

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
