//! One frame of every kind with every field set, and every variant of every enum: what the golden bytes hold.
//! A new kind or variant is appended here; nothing is changed.

use bytes::Bytes;

use crate::frame::{
    Ack, Body, Call, CallId, Cancel, CancelKind, Data, Drain, End, ErrorReport, Example, FaultSide, Frame,
    Goodbye, GoodbyeKind, HandlerInfo, HandlerKind, HealthCheck, HealthLevel, HealthReport, Hello, HostCall,
    HostReply, LogLevel, LogRecord, Observation, Ping, Pong, Progress, Reply, ReplyOutcome, Started,
    StopStream, Usage, Welcome,
};
use crate::limit::LinkLimits;

fn handler(kind: HandlerKind) -> HandlerInfo {
    HandlerInfo {
        name: "render".into(),
        kind,
        blocking: true,
        concurrent: true,
        idempotent: true,
        doc: "renders".into(),
        input_schema: Some("{}".into()),
        output_schema: None,
        examples: vec![Example { title: "one".into(), input: "1".into(), output: Some("2".into()) }],
    }
}

pub(super) fn hello() -> Hello {
    Hello {
        plugin_id: "@acme/md".into(),
        plugin_version: "1.2.3".into(),
        runtime_name: "plugdock-rs".into(),
        runtime_version: "0.1.0".into(),
        features: vec!["x".into()],
        handlers: [HandlerKind::Call, HandlerKind::Stream, HandlerKind::Channel].map(handler).into(),
        sandbox: vec![Observation { key: "seccomp".into(), value: "filter".into() }],
        pid: 300,
    }
}

pub(super) fn error(fault: FaultSide) -> ErrorReport {
    ErrorReport {
        code: "TIMEOUT".into(),
        message: "took 2 s".into(),
        retryable: true,
        fault,
        step: Some("call".into()),
        limit_us: Some(2_000_000),
        retry_after_us: Some(250),
        resource: Some("cpu".into()),
        cause: Some(r#"{"kind":"cpu_limit"}"#.into()),
        help: Some("ask for more".into()),
        details: Some("[1]".into()),
        chain: vec!["inner".into()],
        location: Some("a.rs:1:2".into()),
        backtrace: Some("0: a".into()),
        stderr_tail: vec!["é".into()],
    }
}

fn usage() -> Usage {
    Usage {
        run_us: Some(1),
        cpu_user_us: Some(251),
        cpu_system_us: Some(65_536),
        peak_memory: Some(1 << 33),
        read_bytes: None,
        written_bytes: Some(0),
    }
}

fn connection_frames() -> Vec<Body> {
    let limits = LinkLimits::default().with_max_open_calls(8).with_max_host_calls(4);
    let mut out: Vec<Body> = vec![
        hello().into(),
        Welcome { limits, heartbeat_ms: 1000, features: vec!["x".into()], host_version: "0.1.0".into() }
            .into(),
    ];
    out.extend(
        [GoodbyeKind::Done, GoodbyeKind::Refused, GoodbyeKind::Failed]
            .map(|kind| Goodbye::new(kind, "bye").into()),
    );
    out.extend([Some(5_000_000), None].map(|deadline_us| Drain { deadline_us }.into()));
    out.push(Ping { nonce: 1 }.into());
    out.push(Pong { nonce: u64::MAX, busy: true, heartbeat_age_ms: Some(7) }.into());
    out.push(HealthCheck { nonce: 2 }.into());
    out.extend(
        [HealthLevel::Healthy, HealthLevel::Degraded, HealthLevel::Unhealthy]
            .map(|level| HealthReport { nonce: 2, level, detail: "so".into() }.into()),
    );
    out
}

fn call_frames() -> Vec<Body> {
    let call = Call {
        handler: "render".into(),
        descriptor: r#"{"id":1}"#.into(),
        content_type: "application/json".into(),
        deadline_us: Some(30_000_000),
        grace_us: 2_000_000,
        n_input_streams: 1,
    };
    let mut out: Vec<Body> = vec![call.into(), Started { waited_us: 12 }.into()];
    let cancels = [
        CancelKind::Caller,
        CancelKind::Dropped,
        CancelKind::Timeout,
        CancelKind::Shutdown,
        CancelKind::Limit,
    ];
    out.extend(cancels.map(|kind| Cancel { kind, reason: "why".into(), grace_us: 3 }.into()));
    out.push(Reply { content_type: "text/html".into(), usage: usage() }.into());
    out.extend([FaultSide::Plugin, FaultSide::Host, FaultSide::Caller].map(|fault| error(fault).into()));
    let levels = [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
    out.extend(levels.map(|level| {
        let (target, message, fields) = ("md".into(), "read".into(), r#"{"n":1}"#.into());
        LogRecord { level, target, message, fields, seq: 3, offset_us: 4 }.into()
    }));
    out.extend([Some(0.5), None].map(|fraction| Progress { fraction, note: "half".into() }.into()));
    out.push(Data { stream: 1 }.into());
    out.push(Ack { stream: 1, credit: 65_536 }.into());
    out.extend([None, Some("gave up".into())].map(|aborted| End { stream: 1, aborted }.into()));
    out.push(StopStream { stream: 1 }.into());
    out.push(
        HostCall { id: 5, service: "cache".into(), method: "get".into(), args: r#"["k"]"#.into() }.into(),
    );
    out.push(HostReply { id: 5, outcome: ReplyOutcome::Ok("null".into()) }.into());
    out.push(HostReply { id: 6, outcome: ReplyOutcome::Err(Box::new(error(FaultSide::Plugin))) }.into());
    out
}

/// Frames of every kind, with payloads where the kind has one.
pub(super) fn frames() -> Vec<Frame> {
    let connection = connection_frames().into_iter().map(Frame::connection);
    let call = call_frames().into_iter().map(|body| {
        let payload =
            if body.kind().has_payload() { Bytes::from_static(b"\x00payload\xff") } else { Bytes::new() };
        Frame::new(CallId(0x0102_0304), body, payload)
    });
    connection.chain(call).collect()
}
