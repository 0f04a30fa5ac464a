//! Sinks of log lines and denials, in memory and into `tracing`.
//! The subscriber here only collects fields; a host's own subscriber formats them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use plugdock_contracts::service::{AuditEvent, AuditSink, LogSink};
use plugdock_contracts::{ByteSize, LogLevel, LogLine, LogStream, TraceContext};
use plugdock_platform::{
    MemoryAudit, MemoryAuditConfig, MemoryLogConfig, MemoryLogSink, TracingAudit, TracingLogSink,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::owner::{plugin, plugin_of};

type Fields = BTreeMap<String, String>;

/// Collects the fields of every event, with its level and target.
#[derive(Default, Clone)]
struct Collector(Arc<Mutex<Vec<Fields>>>);

struct FieldVisitor<'a>(&'a mut Fields);

impl Visit for FieldVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Collector {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        fields.insert("@level".into(), event.metadata().level().to_string());
        fields.insert("@target".into(), event.metadata().target().to_owned());
        event.record(&mut FieldVisitor(&mut fields));
        self.0.lock().unwrap().push(fields);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

fn collected(work: impl FnOnce()) -> Vec<Fields> {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), work);
    std::mem::take(&mut *collector.0.lock().unwrap())
}

fn fields<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Fields {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn log_lines_become_events_with_who_wrote_them() {
    let mut scope = plugin_of("t", "a/b");
    scope.trace = Some(TraceContext::root());
    let mut line = LogLine::new(LogLevel::Error, LogStream::Logger, "it {broke}");
    line.fields.insert("row".into(), 7.into());
    line.seq = 3;
    let events = collected(|| TracingLogSink::new().write(&scope, &line));
    let expected = fields([
        ("@level", "ERROR"),
        ("@target", "plugdock::handler"),
        ("message", "it {broke}"),
        ("execution", scope.execution.as_str()),
        ("plugin", "a/b"),
        ("tenant", "t"),
        ("trace", &scope.trace.as_ref().unwrap().trace_id()),
        ("stream", "logger"),
        ("seq", "3"),
        ("truncated", "false"),
        ("fields", r#"{"row":7}"#),
    ]);
    assert_eq!(events, [expected]);
}

#[test]
fn levels_and_streams_are_kept_and_what_is_absent_is_left_out() {
    let scope = plugin("a/b");
    let rows = [
        (LogLevel::Trace, LogStream::Logger, "TRACE", "logger"),
        (LogLevel::Debug, LogStream::Logger, "DEBUG", "logger"),
        (LogLevel::Info, LogStream::Stdout, "INFO", "stdout"),
        (LogLevel::Warn, LogStream::Stderr, "WARN", "stderr"),
    ];
    for (level, stream, level_name, stream_name) in rows {
        let events = collected(|| TracingLogSink::new().write(&scope, &LogLine::new(level, stream, "m")));
        assert_eq!((&*events[0]["@level"], &*events[0]["stream"]), (level_name, stream_name));
        assert!(
            ["tenant", "trace", "fields"].iter().all(|absent| !events[0].contains_key(*absent)),
            "{events:?}"
        );
    }
}

#[test]
fn denials_become_warnings_whose_subject_cannot_forge_a_line() {
    let scope = plugin("a/b");
    let event =
        AuditEvent::denied("state".into(), "x\nERROR forged".into(), None, "state scope \"x\"".into());
    let events = collected(|| TracingAudit::new().record(&scope, &event));
    let expected = fields([
        ("@level", "WARN"),
        ("@target", "plugdock::audit"),
        ("message", "permission denied"),
        ("execution", scope.execution.as_str()),
        ("plugin", "a/b"),
        ("permission", "state"),
        ("subject", r#""x\nERROR forged""#),
        ("missing", "state scope \"x\""),
    ]);
    assert_eq!(events, [expected]);
}

#[test]
fn the_last_lines_are_kept_and_the_lost_ones_counted() {
    let sink = MemoryLogSink::new(&MemoryLogConfig { max_lines: 2, ..MemoryLogConfig::default() }).unwrap();
    let scope = plugin_of("t", "a/b");
    for text in ["one", "two", "three"] {
        sink.write(&scope, &LogLine::new(LogLevel::Info, LogStream::Stdout, text));
    }
    let kept = sink.entries();
    assert_eq!(kept.iter().map(|entry| entry.line.message.as_str()).collect::<Vec<_>>(), ["two", "three"]);
    assert_eq!(
        (&kept[0].plugin, &kept[0].tenant, &kept[0].execution),
        (&scope.plugin, &scope.tenant, &scope.execution)
    );
    assert_eq!(sink.dropped(), 1);
}

#[test]
fn lines_in_memory_are_bounded_by_their_bytes() {
    let config = MemoryLogConfig { max_bytes: ByteSize::from_kib(4), ..MemoryLogConfig::default() };
    let sink = MemoryLogSink::new(&config).unwrap();
    for _ in 0..10 {
        let mut line = LogLine::new(LogLevel::Info, LogStream::Logger, "m");
        line.fields.insert("k".into(), serde_json::json!([{ "deep": "x".repeat(1024) }]));
        sink.write(&plugin("a/b"), &line);
    }
    assert!((1..4).contains(&sink.entries().len()), "{}", sink.entries().len());
    assert_eq!(sink.entries().len() as u64 + sink.dropped(), 10);
    assert!(MemoryLogSink::new(&MemoryLogConfig { max_lines: 0, ..MemoryLogConfig::default() }).is_err());
}

#[test]
fn the_last_denials_are_kept_and_the_lost_ones_counted() {
    let audit =
        MemoryAudit::new(&MemoryAuditConfig { max_events: 1, ..MemoryAuditConfig::default() }).unwrap();
    for subject in ["one", "two"] {
        let event = AuditEvent::denied("cache".into(), subject.into(), Some("rule".into()), "m".into());
        audit.record(&plugin("a/b"), &event);
    }
    let kept = audit.entries();
    assert_eq!((kept.len(), kept[0].event.subject.as_str(), audit.dropped()), (1, "two", 1));
    assert!(MemoryAudit::new(&MemoryAuditConfig { max_events: 0, ..MemoryAuditConfig::default() }).is_err());
}
