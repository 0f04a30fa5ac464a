//! Log lines, progress and printed text: what reaches the caller, in which order, and when.

use plugdock_contracts::{ExecutionEvent, LogLevel, LogStream};
use serde_json::json;

use crate::harness::{Harness, wait_for};

/// More lines than wait for a caller at a time.
const MANY: usize = 5000;

pub(crate) async fn lines_come_in_order_with_levels_and_fields(h: &mut Harness) {
    let taken = h.take(h.request("log", &())).await;
    assert!(matches!(taken.events[0], ExecutionEvent::Started { .. }), "{:?}", taken.events[0]);
    assert_eq!(taken.messages(), ["one", "two", "three", "four", "five"]);
    let lines = taken.lines();
    let levels: Vec<_> = lines.iter().map(|line| line.level).collect();
    assert_eq!(levels, [LogLevel::Trace, LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error]);
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    for line in lines {
        assert_eq!(line.stream, LogStream::Logger);
        assert_eq!((&line.fields["rows"], &line.fields["name"]), (&json!(3), &json!("a.csv")));
    }
}

pub(crate) async fn lines_reach_the_hosts_log_too(h: &mut Harness) {
    let outcome = h.outcome(h.request("log", &())).await;
    let entries = h.services().log.entries();
    let own = entries.iter().filter(|entry| entry.execution == outcome.execution_id);
    assert_eq!(
        own.map(|entry| entry.line.message.as_str()).collect::<Vec<_>>(),
        ["one", "two", "three", "four", "five"]
    );
}

pub(crate) async fn terminal_sequences_lose_their_power(h: &mut Harness) {
    let taken = h.take(h.request("log-text", "\u{1b}[31mred\u{1b}[0m and \u{7}bell\rback")).await;
    assert_eq!(taken.messages(), ["red and \\u{7}bell\\u{d}back"]);
}

pub(crate) async fn lines_that_nobody_takes_are_dropped_and_counted(h: &mut Harness) {
    let execution = h.start(h.request("log-many", &MANY)).await;
    // Nobody takes events until the handler has ended and was counted.
    let backend = h.backend().await;
    wait_for("the end of the handler", || {
        let stats = backend.stats();
        if stats.succeeded == 1 { Ok(()) } else { Err(format!("{stats:?}")) }
    })
    .await;
    let taken = h.take_rest(execution, Vec::new()).await;
    let kept = taken.lines().len();
    assert!(kept < MANY, "a caller that takes nothing must not make the host keep everything");
    assert!(taken.outcome.events_dropped > 0);
    let lines = taken.lines();
    assert!(lines.windows(2).all(|pair| pair[0].seq < pair[1].seq), "the order stays");
    assert_eq!(lines[0].message, "line 0");
}

pub(crate) async fn progress_comes_in_order_and_in_bounds(h: &mut Harness) {
    let taken = h.take(h.request("progress", &())).await;
    let told: [(&str, Option<f32>); 7] = [
        ("looking", None),
        ("step 0", Some(0.0)),
        ("step 1", Some(0.25)),
        ("step 2", Some(0.5)),
        ("step 3", Some(0.75)),
        ("step 4", Some(1.0)),
        ("beyond", Some(1.0)),
    ];
    // A backend may leave out a step that the next one overtook, never the last.
    let mut rest = told.iter();
    for progress in taken.progress() {
        let known = rest.any(|(note, fraction)| (*note, *fraction) == (&progress.note, progress.fraction));
        assert!(known, "not told, or out of order: {progress:?}");
    }
    assert_eq!(taken.progress().last().map(|progress| progress.note.as_str()), Some("beyond"));
}

pub(crate) async fn progress_that_is_waited_for_comes_whole(h: &mut Harness) {
    let mut execution = h.start(h.request("progress-on-demand", "step")).await;
    let mut notes = Vec::new();
    while notes.len() < 3 {
        if let ExecutionEvent::Progress(progress) = execution.next_event().await.expect("it waits for us") {
            notes.push(progress.note);
            h.open("step").await;
        }
    }
    assert_eq!(notes, ["step 0", "step 1", "step 2"]);
    assert!(h.take_rest(execution, Vec::new()).await.outcome.is_ok());
}

pub(crate) async fn printed_lines_become_log_lines(h: &mut Harness) {
    if !h.in_processes() {
        return;
    }
    for (stderr, stream, level) in
        [(false, LogStream::Stdout, LogLevel::Info), (true, LogStream::Stderr, LogLevel::Warn)]
    {
        let input = json!({ "stderr": stderr, "text": "one\n\u{1b}[1mtwo\u{1b}[0m\n", "times": 1 });
        let taken = h.take(h.request("print", &input)).await;
        let printed: Vec<_> =
            taken.lines().iter().map(|line| (line.stream, line.level, line.message.as_str())).collect();
        assert_eq!(printed, [(stream, level, "one"), (stream, level, "two")]);
    }
}

pub(crate) async fn a_print_without_a_line_end_is_not_lost(h: &mut Harness) {
    if !h.in_processes() {
        return;
    }
    for stderr in [false, true] {
        let taken =
            h.take(h.request("print", &json!({ "stderr": stderr, "text": "half", "times": 1 }))).await;
        assert_eq!(taken.messages(), ["half"], "stderr: {stderr}");
    }
}

pub(crate) async fn a_long_printed_line_is_cut_and_marked(h: &mut Harness) {
    if !h.in_processes() {
        return;
    }
    let taken = h.take(h.request("print", &json!({ "stderr": false, "text": "x", "times": 1 << 20 }))).await;
    assert!(taken.outcome.is_ok());
    let lines = taken.lines();
    assert!(lines[0].truncated && lines[0].message.len() < 1 << 20, "{} bytes", lines[0].message.len());
    assert!(lines[0].message.bytes().all(|byte| byte == b'x'));
}

pub(crate) async fn events_come_while_the_handler_runs(h: &mut Harness) {
    // `gated` returns once its first line came, while the handler waits for us.
    let execution = h.gated("events").await;
    assert_eq!(h.backend().await.stats().running, 1);
    h.open("events").await;
    let outcome = h.take_rest(execution, Vec::new()).await.outcome;
    assert_eq!(outcome.into_value::<String>().unwrap(), "open");
}
