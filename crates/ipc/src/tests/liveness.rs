//! Pings, heartbeats, health checks, drain, and peers that stop reading.

use std::time::Duration;

use bytes::Bytes;

use super::peer::{Both, accept, both, host_by_hand, reply, start};
use crate::codec::CodecKind;
use crate::error::{LinkError, SendError};
use crate::frame::{HealthLevel, HealthReport, Kind};
use crate::limit::{DEFAULT_WRITE_STALL, LinkLimits, MAX_PROBES};
use crate::link::worker::WorkerEvent;

#[tokio::test(start_paused = true)]
async fn a_pong_says_whether_the_worker_is_busy_and_scheduled() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Json, LinkLimits::default()).await;
    let pong = host.ping().await.unwrap();
    assert_eq!((pong.busy, pong.heartbeat_age_ms), (false, None));
    worker.heartbeat().beat();
    tokio::time::advance(Duration::from_millis(250)).await;
    let _call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    let pong = host.ping().await.unwrap();
    assert_eq!((pong.busy, pong.heartbeat_age_ms), (true, Some(250)));
    job.reply(reply(), Bytes::new()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_health_check_is_answered_even_when_it_is_dropped() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let answering = async {
        let Some(WorkerEvent::HealthCheck(probe)) = worker.accept().await else { panic!() };
        probe.report(HealthLevel::Degraded, "disk is slow").unwrap();
        let Some(WorkerEvent::HealthCheck(probe)) = worker.accept().await else { panic!() };
        drop(probe);
    };
    let asking = async { (host.health().await.unwrap(), host.health().await.unwrap()) };
    let ((), (first, second)) = tokio::join!(answering, asking);
    let expected =
        HealthReport { nonce: first.nonce, level: HealthLevel::Degraded, detail: "disk is slow".into() };
    assert_eq!(first, expected);
    assert_eq!(second.level, HealthLevel::Unhealthy);
}

#[tokio::test(start_paused = true)]
async fn probes_without_an_answer_are_bounded() {
    let mut peer = host_by_hand(LinkLimits::default()).await;
    for _ in 0..MAX_PROBES {
        tokio::time::timeout(Duration::from_secs(1), peer.end.ping()).await.unwrap_err();
        assert_eq!(peer.read().await.kind(), Kind::Ping);
    }
    let err = peer.end.ping().await.unwrap_err();
    assert!(matches!(err, SendError::TooManyProbes { .. }), "{err:?}");
}

#[tokio::test(start_paused = true)]
async fn drain_reaches_the_worker_with_its_deadline() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    host.drain(Some(Duration::from_secs(3)));
    let Some(WorkerEvent::Drain(drain)) = worker.accept().await else { panic!() };
    assert_eq!(drain.deadline(), Some(Duration::from_secs(3)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_byte_is_given_up() {
    let mut peer = host_by_hand(LinkLimits::default()).await;
    let mut call = peer.end.call(start(vec![0; 1_000_000])).await.unwrap();
    let began = tokio::time::Instant::now();
    let cause = peer.end_of_link().await;
    assert!(matches!(cause, LinkError::Stalled { after } if after == DEFAULT_WRITE_STALL), "{cause:?}");
    assert!(began.elapsed() < DEFAULT_WRITE_STALL + Duration::from_secs(2));
    assert!(matches!(call.next().await, Err(LinkError::Stalled { .. })));
}

#[tokio::test(start_paused = true)]
async fn unread_logs_are_dropped_and_counted_and_the_reply_arrives() {
    let Both { host, mut worker, tasks: _tasks } = both(CodecKind::Bincode, LinkLimits::default()).await;
    let mut call = host.call(start("")).await.unwrap();
    let job = accept(&mut worker).await;
    for _ in 0..5000 {
        job.handle().log_waiting(crate::frame::LogRecord::default()).await.unwrap();
    }
    job.reply(reply(), Bytes::new()).unwrap();
    let mut last = None;
    let mut n_logs = 0;
    while host.n_open() > 0 {
        tokio::task::yield_now().await;
    }
    while let Some(event) = call.next().await.unwrap() {
        n_logs += u64::from(!event.is_last());
        last = Some(event);
    }
    assert_eq!(n_logs + call.n_dropped(), 5000);
    assert_eq!(n_logs, 1024);
    assert!(last.unwrap().is_last());
}
