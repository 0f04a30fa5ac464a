//! The mock keeps the contract of real workers, whatever each of its steps does.

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::error::{CrashCause, ErrorCode, KillReason};
use plugdock_contracts::{HandlerId, Limits, Permissions, WorkerId};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::super::mock::{Gate, Gates, MockStarter, SLOW};
use super::super::{Begun, CheckAnswer, PoolWorker, StartError, StartOrder, StartWorker as _, WorkerAfter};
use crate::worker::bench::{BenchedJob, linked_plugin};

/// Longer than any slow step.
const PATIENCE: Duration = Duration::from_secs(1);

fn order() -> Arc<StartOrder> {
    let permissions = Permissions::deny_all();
    Arc::new(StartOrder {
        plugin: linked_plugin(),
        limits: Limits::default(),
        permissions,
        max_payload: 1,
        existing: None,
        area: String::new(),
    })
}

async fn start(mock: &MockStarter) -> Result<Arc<dyn PoolWorker>, StartError> {
    mock.start(WorkerId::generate(), order()).await
}

#[tokio::test(start_paused = true)]
async fn every_combination_ends_and_leaves_nobody() {
    for call in Gate::ALL {
        for check in Gate::ALL {
            for retire in Gate::ALL {
                let mock = MockStarter::new(Gates { call, check, retire, ..Gates::default() });
                let worker = start(&mock).await.unwrap();
                assert_eq!((mock.alive(), mock.starts()), (1, 1));
                let checked = timeout(PATIENCE, worker.check(false)).await.ok();
                assert_eq!(checked.is_none(), check == Gate::Never);
                assert_eq!(checked == Some(CheckAnswer::Healthy), matches!(check, Gate::Ok | Gate::Slow));
                let job = BenchedJob::new("go", &json!(1));
                let done = timeout(PATIENCE, worker.call(&job.job)).await.ok();
                assert_eq!(done.is_none(), call == Gate::Never);
                let is_fine = done.is_some_and(|done| done.worker == WorkerAfter::Fine);
                assert_eq!(is_fine, matches!(call, Gate::Ok | Gate::Slow));
                worker.retire(PATIENCE);
                let end = worker.ended().await;
                assert_eq!(end.expected, call != Gate::Err, "a crash was before");
                assert_eq!((mock.alive(), mock.calls()), (0, 1));
            }
        }
    }
}

#[tokio::test]
async fn handlers_are_what_the_gates_say() {
    let mock = MockStarter::new(Gates { concurrent: &["side"], ..Gates::default() });
    let worker = start(&mock).await.unwrap();
    let (side, go) = (HandlerId::new("side").unwrap(), HandlerId::new("go").unwrap());
    assert!(worker.traits_of(&side).concurrent && !worker.traits_of(&go).concurrent);
    assert!(worker.concurrent().contains(&side) && !worker.concurrent().contains(&go));
}

#[tokio::test(start_paused = true)]
async fn starts_fail_dawdle_or_never_end_as_told() {
    let mock = MockStarter::new(Gates { start: Gate::Err, permanent: true, ..Gates::default() });
    assert!(start(&mock).await.unwrap_err().permanent);
    mock.set(|gates| gates.start = Gate::Slow);
    let before = Instant::now();
    drop(start(&mock).await.unwrap());
    assert_eq!(before.elapsed(), SLOW);
    mock.set(|gates| gates.start = Gate::Never);
    assert!(timeout(PATIENCE, start(&mock)).await.is_err());
    assert_eq!((mock.starts(), mock.alive()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_kill_or_a_crash_ends_what_runs_and_the_first_stands() {
    let mock = MockStarter::new(Gates { call: Gate::Never, retire: Gate::Never, ..Gates::default() });
    let rows = [(Begun::No, 0), (Begun::Perhaps, 1)];
    for (begun, started) in rows {
        let worker = start(&mock).await.unwrap();
        let other = mock.workers().pop().unwrap();
        let job = BenchedJob::new("go", &json!(1));
        let crash = async {
            assert_eq!(mock.worker(&other.id).unwrap().served(), 1);
            other.crash(CrashCause::OutOfMemory, begun);
            worker.kill(KillReason::Unhealthy);
        };
        let (done, ()) = tokio::join!(worker.call(&job.job), crash);
        assert_eq!((done.begun, done.carried.attempts.started), (begun, started));
        let error = done.carried.result.unwrap_err();
        assert_eq!(
            (error.code(), error.cause()),
            (&ErrorCode::WorkerCrashed, Some(&CrashCause::OutOfMemory))
        );
        assert_eq!((worker.ended().await.expected, worker.check(true).await), (false, CheckAnswer::Gone));
    }
    let worker = start(&mock).await.unwrap();
    worker.retire(PATIENCE);
    let end = worker.ended().await;
    assert_eq!((end.cause, end.expected), (CrashCause::Killed { reason: KillReason::Timeout }, true));
}
