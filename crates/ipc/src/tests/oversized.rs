//! Payloads above the limit: refused before sending, survived when they come.

use bytes::Bytes;

use super::peer::{Both, accept, both, drain, host_by_hand, reply, start, worker_by_hand};
use crate::codec::CodecKind;
use crate::error::SendError;
use crate::frame::{Body, Call, CallId, Frame, HostCall, HostReply, Kind, ReplyOutcome};
use crate::limit::{LinkLimits, MAX_META, MIN_PAYLOAD_LIMIT};
use crate::link::host::CallEvent;
use crate::link::worker::HostCallError;

fn small() -> LinkLimits {
    LinkLimits::default().with_max_payload(MIN_PAYLOAD_LIMIT)
}

fn large() -> Bytes {
    Bytes::from(vec![0; MIN_PAYLOAD_LIMIT as usize + 1])
}

#[tokio::test]
async fn a_sender_refuses_before_anything_is_sent() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, small()).await;
    let err = host.call(start(large())).await.unwrap_err();
    assert!(matches!(err, SendError::PayloadTooLarge { limit: MIN_PAYLOAD_LIMIT, .. }), "{err:?}");
    let mut wordy = start("");
    wordy.call.descriptor = "x".repeat(MAX_META);
    let err = host.call(wordy).await.unwrap_err();
    assert!(matches!(err, SendError::MetaTooLarge { .. }), "{err:?}");
    let mut call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    assert_eq!(job.id(), CallId(1), "refused calls use no id");
    let err = job.handle().host_call("s", "m", "", large()).await.unwrap_err();
    assert!(matches!(err, HostCallError::Unanswered(SendError::PayloadTooLarge { .. })), "{err:?}");
    let err = job.reply(reply(), large()).unwrap_err();
    assert!(matches!(err, SendError::PayloadTooLarge { .. }), "{err:?}");
    let events = drain(&mut call).await;
    assert!(
        matches!(&events[..], [CallEvent::Error(error)] if error.code == "PAYLOAD_TOO_LARGE"),
        "{events:?}"
    );
}

#[tokio::test]
async fn an_output_above_the_limit_ends_its_call_and_nothing_else() {
    let peer = host_by_hand(small()).await;
    let (mut first, mut second) =
        (peer.end.call(start("")).await.unwrap(), peer.end.call(start("")).await.unwrap());
    peer.writer.lock().await.set_limits(LinkLimits::default());
    peer.send(Frame::new(CallId(1), reply(), large())).await;
    peer.send(Frame::new(CallId(2), reply(), Bytes::new())).await;
    let events = drain(&mut first).await;
    let len = MIN_PAYLOAD_LIMIT + 1;
    assert_eq!(events, [CallEvent::TooLarge { len, limit: MIN_PAYLOAD_LIMIT }]);
    assert!(matches!(&drain(&mut second).await[..], [CallEvent::Reply { .. }]));
    assert_eq!(peer.end.n_open(), 0);
}

#[tokio::test]
async fn a_host_call_above_the_limit_is_refused_and_the_call_goes_on() {
    let mut peer = host_by_hand(small()).await;
    let mut call = peer.end.call(start("")).await.unwrap();
    peer.read().await;
    peer.writer.lock().await.set_limits(LinkLimits::default());
    peer.send(Frame::new(CallId(1), HostCall::default(), large())).await;
    let Body::HostReply(answer) = peer.read().await.body else { panic!() };
    assert!(matches!(answer.outcome, ReplyOutcome::Err(report) if report.code == "PAYLOAD_TOO_LARGE"));
    peer.say(HostCall { id: 1, ..HostCall::default() }).await;
    assert!(matches!(call.next().await.unwrap(), Some(CallEvent::HostCall(request)) if request.id == 1));
}

#[tokio::test]
async fn a_worker_survives_what_is_too_large_for_it() {
    let mut peer = worker_by_hand(small()).await;
    peer.writer.lock().await.set_limits(LinkLimits::default());
    peer.send(Frame::new(CallId(1), Call::default(), large())).await;
    let Frame { call: CallId(1), body: Body::Error(report), .. } = peer.read().await else { panic!() };
    assert_eq!(report.code, "PAYLOAD_TOO_LARGE");
    peer.send(Frame::bare(CallId(2), Call::default())).await;
    let job = accept(&mut peer.end).await;
    let handle = job.handle();
    let asking = handle.host_call("s", "m", "", Bytes::new());
    let answering = async {
        assert_eq!(peer.read().await.kind(), Kind::HostCall);
        let outcome = ReplyOutcome::Ok("1".into());
        peer.send(Frame::new(CallId(2), HostReply { id: 0, outcome }, large())).await;
    };
    let (answer, ()) = tokio::join!(asking, answering);
    assert!(matches!(answer, Err(HostCallError::Failed(report)) if report.code == "PAYLOAD_TOO_LARGE"));
}
