//! Many executions: all of them, so many at a time, and what stopping does.

use plugdock_contracts::{ErrorCode, ExecutionRequest};
use plugdock_core_runtime::{StopSignal, StopSignals};
use tokio::sync::mpsc;

use crate::execution::repeat_view::{bar, live_line};
use crate::execution::{Form, Plan, RepeatView, Tally, repeat};
use crate::fake_backend::FakeBackend;
use crate::output::tests::piped;

const FORM: Form = Form { json: false, explain: false, quiet: false };

fn request(handler: &str) -> ExecutionRequest {
    ExecutionRequest::new("acme/x", handler).unwrap()
}

async fn all(backend: &FakeBackend, handler: &str, plan: Plan) -> Tally {
    let mut view = RepeatView::new(piped().0, plan, FORM);
    let (_send, told) = mpsc::channel(1);
    repeat(backend, &request(handler), plan, &mut view, StopSignals::told(told)).await
}

#[tokio::test]
async fn each_is_run_once_and_no_more_at_a_time_than_asked_for() {
    let backend = FakeBackend::default();
    let tally = all(&backend, "echo", Plan { executions: 100, at_once: 7 }).await;
    assert_eq!((tally.done, tally.succeeded, tally.failed()), (100, 100, 0));
    assert_eq!((backend.stopped().len(), backend.most_at_once()), (100, 7));
    assert_eq!((tally.starts.warm, tally.total.quantiles().unwrap().p50), (100, 3_000));
    assert!(tally.queue.quantiles().is_none(), "what was not measured is not counted as zero");
}

#[tokio::test]
async fn the_summary_shows_the_first_error_and_ends_with_its_code() {
    let plan = Plan { executions: 3, at_once: 3 };
    let mut tally = all(&FakeBackend::default(), "fail", plan).await;
    tally.elapsed = std::time::Duration::from_millis(6);
    let (output, result, _note) = piped();
    let failure = RepeatView::new(output, plan, FORM).summary(&tally, &FakeBackend::choice()).unwrap_err();
    assert_eq!(failure.exit_code(), ErrorCode::HandlerError.exit_code());
    expect_test::expect![[r"
        executions  3 on custom
        succeeded   0
        failed      3 (HANDLER_ERROR 3)
        throughput  500 per second, 6.0ms in all
        total       p50 3.0ms    p90 3.0ms    p99 3.0ms    max 3.0ms
        run         p50 2.0ms    p90 2.0ms    p99 2.0ms    max 2.0ms
        starts      0 cold, 3 warm
    "]]
    .assert_eq(&result.text());
}

#[tokio::test]
async fn the_document_has_everything_and_is_the_only_one() {
    let plan = Plan { executions: 2, at_once: 1 };
    let tally = all(&FakeBackend::default(), "fail", plan).await;
    let (output, result, note) = piped();
    let form = Form { json: true, ..FORM };
    let failure = RepeatView::new(output, plan, form).summary(&tally, &FakeBackend::choice()).unwrap_err();
    assert!(failure.json().is_none() && failure.exit_code() == ErrorCode::HandlerError.exit_code());
    let document: serde_json::Value = serde_json::from_str(&result.text()).unwrap();
    assert_eq!(document["failed_by_code"]["HANDLER_ERROR"], 2);
    assert_eq!(document["first_error"]["message"], "as asked");
    assert_eq!(document["total"]["p99_us"], 3_000);
    assert_eq!(note.text(), "");
}

/// Runs what never ends by itself, and sends a signal each time that so many run.
async fn stopped(signals: &[StopSignal]) -> (FakeBackend, Tally) {
    let backend = FakeBackend::default();
    let plan = Plan { executions: 1000, at_once: 4 };
    let mut view = RepeatView::new(piped().0, plan, FORM);
    let (send, told) = mpsc::channel(signals.len() + 1);
    let request = request("wait");
    let running = repeat(&backend, &request, plan, &mut view, StopSignals::told(told));
    let signalling = async {
        backend.runs(4).await;
        for signal in signals {
            send.send(*signal).await.unwrap();
        }
    };
    let (tally, ()) = tokio::join!(running, signalling);
    (backend, tally)
}

#[tokio::test]
async fn a_signal_starts_nothing_more_and_cancels_what_runs() {
    let (backend, tally) = stopped(&[StopSignal::Interrupt]).await;
    assert_eq!(backend.stopped(), vec![Some("the command received SIGINT".to_owned()); 4]);
    assert_eq!((tally.done, tally.failed_by_code["ABORTED"]), (4, 4));
    assert!(tally.first_error.is_none(), "being stopped is no finding");
    let (output, result, _note) = piped();
    let view = RepeatView::new(output, Plan { executions: 1000, at_once: 4 }, FORM);
    let failure = view.summary(&tally, &FakeBackend::choice()).unwrap_err();
    assert_eq!(failure.exit_code(), 130);
    assert!(result.text().starts_with("executions  4 of 1000 on custom\n"), "{}", result.text());
}

#[test]
fn the_live_line_says_what_is_known() {
    let plan = Plan { executions: 10, at_once: 1 };
    let mut tally = Tally::default();
    assert_eq!(live_line(&tally, plan), "0.00/s");
    tally.done = 5;
    tally.succeeded = 4;
    tally.elapsed = std::time::Duration::from_secs(5);
    tally.live.add(std::time::Duration::from_millis(7));
    assert_eq!(live_line(&tally, plan), "1 failed  1.0/s  p50 7.0ms  eta 5.00s");
    bar(10).finish_and_clear();
}
