//! What goes to which stream in which form.

use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::outcome::{Mechanism, MechanismState};
use plugdock_contracts::workspace::Artifact;
use plugdock_contracts::{
    BackendKind, ErrorCode, ExecutionError, ExecutionEvent, ExecutionId, LogLevel, LogLine, LogStream,
    Outcome, Payload, Progress,
};
use plugdock_core_runtime::BackendChoice;

use crate::execution::presenter::{Form, Presenter, bar};
use crate::output::tests::{Written, piped};

fn choice() -> BackendChoice {
    serde_json::from_value(serde_json::json!({
        "kind": "subprocess", "mode": "auto", "reason": "auto: this system runs each execution in a process of its own"
    }))
    .unwrap()
}

fn outcome(result: Result<Payload, ExecutionError>) -> Outcome {
    Outcome::new(ExecutionId::new("exec_1").unwrap(), BackendKind::Subprocess, result)
}

const PLAIN: Form = Form { json: false, explain: false, quiet: false };

fn presenter(form: Form) -> (Presenter, Written, Written) {
    let (output, result, note) = piped();
    (Presenter::new(output, form), result, note)
}

fn line(text: &str) -> ExecutionEvent {
    ExecutionEvent::Log(LogLine::new(LogLevel::Info, LogStream::Logger, text))
}

#[test]
fn the_result_goes_to_standard_output_and_the_rest_to_standard_error() {
    let (mut presenter, result, note) = presenter(PLAIN);
    presenter.event(line("reading"));
    presenter.event(ExecutionEvent::Progress(Progress::new(Some(0.5), "half")));
    presenter.event(ExecutionEvent::Slow { after: Duration::from_secs(2) });
    presenter.outcome(&outcome(Ok(Payload::from_json_bytes("{\"a\":1}"))), &choice()).unwrap();
    assert_eq!(result.text(), "{\"a\":1}\n");
    assert_eq!(note.text(), "info  reading\n 50% half\nstill running after 2.00s\n");
}

#[test]
fn a_stream_takes_standard_output_and_the_result_steps_aside() {
    let (mut presenter, result, note) = presenter(PLAIN);
    presenter.event(ExecutionEvent::Data(Bytes::from_static(b"a,b\n")));
    presenter.event(ExecutionEvent::Data(Bytes::from_static(b"1,2\n")));
    presenter.event(ExecutionEvent::DataEnd);
    presenter.outcome(&outcome(Ok(Payload::from_json_bytes("{\"rows\":1}"))), &choice()).unwrap();
    assert_eq!(result.text(), "a,b\n1,2\n");
    assert_eq!(note.text(), "result: {\"rows\":1}\n");
}

#[test]
fn quiet_leaves_the_result_alone() {
    let (mut presenter, result, note) = presenter(Form { quiet: true, ..PLAIN });
    presenter.event(line("reading"));
    presenter.event(ExecutionEvent::Progress(Progress::new(None, "x")));
    presenter.outcome(&outcome(Ok(Payload::new("raw", "text/plain"))), &choice()).unwrap();
    assert_eq!((result.text().as_str(), note.text().as_str()), ("raw", ""));
}

#[test]
fn json_is_one_document_with_outcome_logs_and_data() {
    let (mut presenter, result, _note) = presenter(Form { json: true, ..PLAIN });
    presenter.event(line("reading"));
    presenter.event(ExecutionEvent::Data(Bytes::from_static(b"1,2\n")));
    let failed = outcome(Err(ExecutionError::new(ErrorCode::Timeout, "it ran 1s")));
    let failure = presenter.outcome(&failed, &choice()).unwrap_err();
    assert_eq!(failure.exit_code(), ErrorCode::Timeout.exit_code());
    assert!(failure.json().is_none(), "one document is enough");
    let document: serde_json::Value = serde_json::from_str(&result.text()).unwrap();
    assert_eq!(document["outcome"]["result"]["Err"]["code"], "TIMEOUT");
    assert_eq!(document["logs"][0]["message"], "reading");
    assert_eq!(document["data"]["text"], "1,2\n");
    assert_eq!(document["backend"]["kind"], "subprocess");
}

#[test]
fn explain_says_what_was_measured_and_enforced() {
    let (presenter, _result, note) = presenter(Form { explain: true, ..PLAIN });
    let mut ended = outcome(Ok(Payload::null()));
    ended.timings.queue = Some(Duration::from_micros(100));
    ended.timings.run = Some(Duration::from_micros(3_200));
    ended.timings.total = Duration::from_micros(4_100);
    ended.usage.cpu_user = Some(Duration::from_micros(1_500));
    ended.usage.cpu_system = Some(Duration::from_micros(500));
    ended.usage.peak_resident_bytes = Some(6_400_000);
    ended.sandbox.profile = "trusted".to_owned();
    ended.sandbox.mechanisms = vec![
        Mechanism::new("no-new-privileges", MechanismState::Enforced, ""),
        Mechanism::new("memory", MechanismState::NotEnforced, "no control group is delegated"),
    ];
    ended.artifacts.taken.push(Artifact {
        name: "a.html".into(),
        size: 2048,
        path: Some("/out/a.html".into()),
    });
    presenter.outcome(&ended, &choice()).unwrap();
    expect_test::expect![[r"
        backend   subprocess  (auto: this system runs each execution in a process of its own)
        time      queue 100us  run 3.2ms  total 4.1ms
        usage     cpu 2.0ms  peak memory 6.1MiB
        sandbox   trusted
          in force       no-new-privileges
          not in force   memory             no control group is delegated
        artifact  a.html (2.0KiB) -> /out/a.html
    "]]
    .assert_eq(&note.text());
}

#[test]
fn artifacts_that_nobody_keeps_are_said_to_be_gone() {
    let (presenter, _result, note) = presenter(PLAIN);
    let mut ended = outcome(Ok(Payload::null()));
    ended.artifacts.taken.push(Artifact { name: "a.html".into(), size: 2048, path: None });
    presenter.outcome(&ended, &choice()).unwrap();
    assert_eq!(note.text(), "an artifact was removed with the workspace; --artifacts DIR keeps artifacts\n");
}

#[test]
fn the_bar_has_a_template_that_holds() {
    bar().finish_and_clear();
}
