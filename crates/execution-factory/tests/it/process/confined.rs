//! A worker that the kernel confines, through the real spawner: what its receipt says, and what it then finds.

use plugdock_execution_factory::process::{ExitCause, Spawn as _, SpawnError};
use plugdock_sandbox::{Walls, verify};

use super::bench::{all_lines, confined, run};

/// Tries with what a shell has built in, because it may run nothing else.
pub(super) const ATTEMPTS: &str = "
read line < /etc/passwd && echo LEAK read
(: > /tmp/plugdock-leak) && echo LEAK write
kill -0 $PPID && echo LEAK signal
/bin/true && echo LEAK run
read line < /proc/self/status && echo LEAK proc
cd / && for name in *; do [ \"$name\" = '*' ] || echo LEAK list; done
cd - && echo own > own && read line < own && echo $line
";

#[test]
fn a_confined_worker_proves_it_and_reaches_only_what_is_its_own() {
    run(async |bench| {
        let mut spec = bench.spec("/bin/sh", &["-c", ATTEMPTS]);
        spec.plan = confined(bench.dir());
        let plan = spec.plan.clone();
        let mut worker = bench.client.spawn(spec).await.unwrap();
        assert_eq!(verify(&plan, worker.receipt()), Ok(()));
        let walls = Walls { ..worker.receipt().walls.unwrap() };
        assert_eq!((walls.files, walls.tcp, walls.signals), (libc::EACCES, libc::EACCES, libc::EPERM));
        let lines = all_lines(&mut worker).await;
        assert_eq!(lines.last().map(String::as_str), Some("own"), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("LEAK")), "{lines:?}");
        assert_eq!(worker.exited().await.cause, ExitCause::Code(0));
    });
}

#[test]
fn a_program_that_no_rule_lets_run_is_not_started() {
    run(async |bench| {
        let mut spec = bench.spec("/usr/bin/env", &[]);
        spec.plan = confined(bench.dir());
        let error = bench.client.spawn(spec).await.unwrap_err();
        let SpawnError::Failed { failure, .. } = &error else { panic!("{error:?}") };
        assert_eq!(failure.errno, Some(libc::EACCES), "{error}");
    });
}

#[test]
fn a_plan_that_asks_for_more_than_the_kernel_has_starts_nothing() {
    run(async |bench| {
        let mut spec = bench.spec("/bin/sh", &["-c", "echo ran"]);
        spec.plan = confined(bench.dir());
        // The first version that no kernel of this machine's age knows.
        spec.plan.domain.as_mut().unwrap().abi = 9;
        match bench.client.spawn(spec).await {
            Err(error) => assert!(error.to_string().contains("Landlock"), "{error}"),
            Ok(worker) => assert!(worker.receipt().walls.is_some(), "a kernel that knows it has it in force"),
        }
    });
}
