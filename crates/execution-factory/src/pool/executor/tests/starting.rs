//! Starts of live workers that fail, and what is left of them.

use plugdock_contracts::error::ErrorCode;
use plugdock_plugin_runtime::{Ctx, HandlerError, Plugin};

use super::bench::{Behaviour, bench, serving};
use crate::process::{ExecProblem, SpawnError, SpawnFailure, SpawnStep};

fn plugin(version: &str) -> Plugin {
    Plugin::new("acme/x", version).handler("go", async |_ctx: Ctx, (): ()| Ok::<_, HandlerError>(()))
}

#[tokio::test]
async fn a_program_that_is_missing_fails_again_and_a_lost_spawner_may_not() {
    let missing = || {
        let mut failure = SpawnFailure::new(SpawnStep::Exec, "");
        failure.problem = Some(ExecProblem::Missing);
        SpawnError::Failed { program: "/x".into(), failure: Box::new(failure) }
    };
    let rows: [(Box<dyn Fn() -> SpawnError + Send + Sync>, bool); 2] =
        [(Box::new(missing), true), (Box::new(|| SpawnError::SpawnerLost), false)];
    for (error, permanent) in rows {
        let bench = bench(Behaviour::Fail(error));
        let failed = bench.try_start().await.unwrap_err();
        assert_eq!((failed.error.code(), failed.permanent), (&ErrorCode::SpawnFailed, permanent));
        assert_eq!(bench.leases(), 0);
    }
}

#[tokio::test]
async fn a_program_of_another_version_is_refused_for_good() {
    let bench = serving(plugin("2.0.0"));
    let failed = bench.try_start().await.unwrap_err();
    assert_eq!((failed.error.code(), failed.permanent), (&ErrorCode::HandshakeFailed, true));
    assert_eq!(bench.leases(), 0);
}

#[tokio::test]
async fn a_program_replaced_while_it_was_started_is_not_used_and_may_be_started_again() {
    for version in ["1.0.0", "2.0.0"] {
        let bench = serving(plugin(version));
        let program = bench.root.path().join("plugin/bin/x");
        *bench.spawner.touched.lock().unwrap() = Some(program);
        let failed = bench.try_start().await.unwrap_err();
        assert!(failed.error.message().contains("was replaced while it was started"), "{}", failed.error);
        assert!(!failed.permanent && failed.error.is_retryable());
        assert_eq!(bench.leases(), 0);
        *bench.spawner.touched.lock().unwrap() = None;
        if version == "1.0.0" {
            let (worker, _process) = bench.start().await;
            bench.end(worker).await;
        }
    }
}
