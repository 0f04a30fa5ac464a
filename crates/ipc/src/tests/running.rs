//! Calls between two honest ends: events in order, host calls, streams, cancel, and both codecs.

use std::time::Duration;

use bytes::Bytes;

use super::peer::{Both, accept, both, drain, reply, start};
use crate::codec::CodecKind;
use crate::convert::report;
use crate::error::{LinkError, SendError};
use crate::frame::{Call, Cancel, CancelKind, LogRecord, Progress};
use crate::limit::LinkLimits;
use crate::link::host::{CallControl, CallEvent, CallStart, HostCallHandle, HostEnd};
use crate::link::worker::{CallHandle, HostCallError, WorkerCall, WorkerEnd};
use crate::stream::{StreamError, StreamReceiver, StreamSender};
use plugdock_contracts::ErrorCode;

fn record(message: &str) -> LogRecord {
    LogRecord { message: message.into(), ..LogRecord::default() }
}

fn cancel() -> Cancel {
    Cancel::new(CancelKind::Caller, "enough", Duration::from_secs(1))
}

#[tokio::test(start_paused = true)]
async fn events_arrive_in_the_order_they_were_sent() {
    for codec in CodecKind::ALL {
        let Both { host, mut worker, tasks: _tasks } = both(codec, LinkLimits::default()).await;
        let mut call = host.call(start("in")).await.unwrap();
        let job = accept(&mut worker).await;
        assert_eq!((job.meta().handler.as_str(), &job.input()[..]), ("echo", &b"in"[..]));
        let handle = job.handle();
        handle.started().unwrap();
        assert!(handle.log(record("one")));
        assert!(handle.progress(Progress { fraction: Some(0.5), note: "half".into() }));
        let mut stream = handle.open_stream().unwrap();
        stream.send(Bytes::from_static(b"chunk")).await.unwrap();
        handle.log_waiting(record("two")).await.unwrap();
        stream.finish().unwrap();
        job.reply(reply(), Bytes::from_static(b"out")).unwrap();
        let events = drain(&mut call).await;
        let [
            CallEvent::Started { .. },
            CallEvent::Log(one),
            CallEvent::Progress(progress),
            CallEvent::Data { stream: 0, bytes, credit: 64 },
            CallEvent::Log(two),
            CallEvent::End { stream: 0, aborted: None },
            CallEvent::Reply { content_type, payload, .. },
        ] = &events[..]
        else {
            panic!("{codec}: {events:?}")
        };
        assert_eq!((one.message.as_str(), one.seq, two.message.as_str(), two.seq), ("one", 0, "two", 1));
        assert_eq!((progress.fraction, progress.note.as_str()), (Some(0.5), "half"));
        assert_eq!(
            (&bytes[..], content_type.as_str(), &payload[..]),
            (&b"chunk"[..], "text/plain", &b"out"[..])
        );
        assert_eq!((call.next().await.unwrap(), host.n_open(), worker.n_open()), (None, 0, 0));
        assert!(!handle.log(record("late")));
        assert!(matches!(handle.open_stream(), Err(SendError::CallOver { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_share_the_connection_without_mixing() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut calls = Vec::new();
    for index in 0..20_u8 {
        calls.push((index, host.call(start(vec![index])).await.unwrap()));
    }
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(accept(&mut worker).await);
    }
    // Answered in another order than asked.
    for job in jobs.into_iter().rev() {
        let input = job.input().clone();
        job.reply(reply(), input).unwrap();
    }
    for (index, call) in &mut calls {
        let Some(CallEvent::Reply { payload, .. }) = call.next().await.unwrap() else { panic!() };
        assert_eq!(payload[..], [*index]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_call_is_answered_by_value_or_by_error() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    let handle = job.handle();
    let asking = async {
        let answer = handle.host_call("cache", "get", r#"["k"]"#, Bytes::from_static(b"p")).await.unwrap();
        assert_eq!((answer.value.as_str(), &answer.payload[..]), ("1", &b"q"[..]));
        match handle.host_call("cache", "drop", "[]", Bytes::new()).await {
            Err(HostCallError::Failed(report)) => assert_eq!(report.code, "PERMISSION_DENIED"),
            other => panic!("{other:?}"),
        }
    };
    let answering = async {
        for outcome in [Ok("1".into()), Err(report(ErrorCode::PermissionDenied, "no"))] {
            let Some(CallEvent::HostCall(request)) = call.next().await.unwrap() else { panic!() };
            call.reply(request.id, outcome.clone(), Bytes::from_static(b"q")).unwrap();
            let again = call.reply(request.id, outcome, Bytes::new());
            assert!(matches!(again, Err(SendError::NotAsked { .. })));
        }
    };
    tokio::join!(asking, answering);
}

#[tokio::test(start_paused = true)]
async fn host_calls_beyond_the_limit_wait_for_a_slot() {
    let limits = LinkLimits::default().with_max_host_calls(2);
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, limits).await;
    let mut call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    let ask = |n: usize| {
        let handle = job.handle();
        async move { handle.host_call("s", n.to_string(), "", Bytes::new()).await.unwrap().value }
    };
    let answering = async {
        for _ in 0..5 {
            let Some(CallEvent::HostCall(request)) = call.next().await.unwrap() else { panic!() };
            call.reply(request.id, Ok(request.method), Bytes::new()).unwrap();
        }
    };
    let asking = async { tokio::join!(ask(0), ask(1), ask(2), ask(3), ask(4)) };
    let (answers, ()) = tokio::join!(asking, answering);
    assert_eq!(<[String; 5]>::from(answers), ["0", "1", "2", "3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_streams_both_ways() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Json, LinkLimits::default()).await;
    let meta = Call { handler: "echo".into(), n_input_streams: 1, ..Call::default() };
    let mut call = host.call(CallStart { call: meta, input: Bytes::new() }).await.unwrap();
    let mut job = accept(&mut worker).await;
    let (mut sender, mut receiver) = (call.take_input(0).unwrap(), job.take_input(0).unwrap());
    assert!(call.take_input(0).is_none() && job.take_input(1).is_none());
    let echo = async {
        let mut out = job.handle().open_stream().unwrap();
        while let Some(chunk) = receiver.recv().await.unwrap() {
            out.send(chunk).await.unwrap();
        }
        out.finish().unwrap();
        job.reply(reply(), Bytes::new()).unwrap();
    };
    let talk = async {
        for word in ["a", "b", "c"] {
            sender.send(Bytes::from_static(word.as_bytes())).await.unwrap();
            let Some(CallEvent::Data { stream, bytes, credit }) = call.next().await.unwrap() else {
                panic!()
            };
            assert_eq!(bytes, word);
            call.ack(stream, credit).unwrap();
        }
        sender.finish().unwrap();
        drain(&mut call).await
    };
    let ((), events) = tokio::join!(echo, talk);
    assert!(
        matches!(&events[..], [CallEvent::End { aborted: None, .. }, CallEvent::Reply { .. }]),
        "{events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_end_is_seen_by_the_other() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let meta = Call { handler: "echo".into(), n_input_streams: 2, ..Call::default() };
    let mut call = host.call(CallStart { call: meta, input: Bytes::new() }).await.unwrap();
    let mut job = accept(&mut worker).await;
    drop(call.take_input(0));
    let err = job.take_input(0).unwrap().recv().await.unwrap_err();
    assert!(matches!(err, StreamError::Aborted { .. }), "{err:?}");
    drop(job.take_input(1));
    let mut sender = call.take_input(1).unwrap();
    let stopped = loop {
        // More than a window: without credit it waits until the stop is seen.
        if let Err(err) = sender.send(Bytes::from(vec![0; 512 * 1024])).await {
            break err;
        }
    };
    assert!(matches!(stopped, SendError::StreamStopped), "{stopped:?}");
    let out = job.handle().open_stream().unwrap();
    drop(out);
    let Some(CallEvent::End { aborted: Some(_), .. }) = call.next().await.unwrap() else { panic!() };
    let mut out = job.handle().open_stream().unwrap();
    call.stop(1);
    out.send(Bytes::from_static(b"x")).await.unwrap();
    let Some(CallEvent::Data { stream: 1, .. }) = call.next().await.unwrap() else { panic!() };
    call.stop(1);
    let stopped = loop {
        if let Err(err) = out.send(Bytes::from(vec![0; 512 * 1024])).await {
            break err;
        }
    };
    assert!(matches!(stopped, SendError::StreamStopped), "{stopped:?}");
}

#[tokio::test(start_paused = true)]
async fn cancel_reaches_the_handler_and_the_first_one_stands() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    assert_eq!(job.handle().cancel(), None);
    call.cancel(cancel());
    call.cancel(Cancel { kind: CancelKind::Timeout, ..cancel() });
    assert_eq!(job.handle().cancelled().await, Some(cancel()));
    job.fail(report(ErrorCode::Aborted, "stopped")).unwrap();
    let events = drain(&mut call).await;
    assert!(matches!(&events[..], [CallEvent::Error(error)] if error.code == "ABORTED"), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_by_the_worker_still_ends() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut call = host.call(start("")).await.unwrap();
    drop(accept(&mut worker).await);
    let events = drain(&mut call).await;
    assert!(
        matches!(&events[..], [CallEvent::Error(error)] if error.code == "HANDLER_CONTRACT_ERROR"),
        "{events:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_by_the_host_is_cancelled_and_its_host_calls_are_refused() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    drop(call);
    let cancel = job.handle().cancelled().await.unwrap();
    assert_eq!(cancel.kind, CancelKind::Dropped);
    match job.handle().host_call("cache", "get", "", Bytes::new()).await {
        Err(HostCallError::Failed(report)) => assert_eq!(report.code, "ABORTED"),
        other => panic!("{other:?}"),
    }
    assert_eq!(host.n_open(), 1, "the slot is held until the worker has ended the call");
    job.reply(reply(), Bytes::new()).unwrap();
    assert!(matches!(host.ping().await, Ok(pong) if !pong.busy));
    assert_eq!(host.n_open(), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_are_refused_here() {
    let limits = LinkLimits::default().with_max_open_calls(1);
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, limits).await;
    let mut first = host.call(start("")).await.unwrap();
    assert!(matches!(host.call(start("")).await, Err(SendError::TooManyCalls { limit: 1 })));
    accept(&mut worker).await.reply(reply(), Bytes::new()).unwrap();
    drain(&mut first).await;
    host.call(start("")).await.unwrap();
}

#[test]
fn handles_can_move_to_any_task() {
    fn check<T: Send + 'static>() {}
    check::<HostEnd>();
    check::<HostCallHandle>();
    check::<CallControl>();
    check::<WorkerEnd>();
    check::<WorkerCall>();
    check::<CallHandle>();
    check::<StreamSender>();
    check::<StreamReceiver>();
}

#[tokio::test(start_paused = true)]
async fn a_dropped_driver_wakes_everyone() {
    let Both { host, mut worker, mut tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    tasks.shutdown().await;
    assert!(matches!(call.next().await, Err(LinkError::DriverDropped)));
    assert!(matches!(host.call(start("")).await, Err(SendError::Link(LinkError::DriverDropped))));
    assert_eq!(job.handle().cancelled().await, None);
    assert!(job.reply(reply(), Bytes::new()).is_err());
    assert!(worker.accept().await.is_none());
}
