//! Starts that fail: each says which step and what is wrong, and leaves nothing.

use std::time::Duration;

use plugdock_execution_factory::process::{
    ExecProblem, ExitCause, Spawn as _, SpawnError, SpawnFailure, SpawnStep, SpawnerClient, SpawnerConfig,
};

use super::bench::{Bench, run};

/// The failure inside the error of a start that must not succeed.
fn failure(result: Result<impl Sized, SpawnError>) -> SpawnFailure {
    match result {
        Err(SpawnError::Failed { failure, .. }) => *failure,
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("it started"),
    }
}

fn problem(result: Result<impl Sized, SpawnError>) -> ExecProblem {
    let failure = failure(result);
    assert_eq!(failure.step, SpawnStep::Exec, "{failure}");
    assert!(failure.errno.is_some());
    failure.problem.expect("a refused program is diagnosed")
}

#[test]
fn a_refused_program_is_diagnosed() {
    run(async |bench| {
        let missing = bench.dir().join("missing");
        assert_eq!(problem(bench.client.spawn(bench.spec(&missing, &[])).await), ExecProblem::Missing);
        assert_eq!(problem(bench.client.spawn(bench.spec(bench.dir(), &[])).await), ExecProblem::NotAFile);
        let rows: [(&str, &[u8], u32, ExecProblem); 5] = [
            ("plain", b"#!/bin/sh\n", 0o644, ExecProblem::NotExecutable { mode: 0o644 }),
            ("text", b"echo hello\n", 0o755, ExecProblem::NotAProgram),
            ("empty", b"", 0o755, ExecProblem::NotAProgram),
            (
                "script",
                b"#!/no/such/interpreter -x\n",
                0o755,
                ExecProblem::InterpreterMissing { interpreter: "/no/such/interpreter".into() },
            ),
            (
                "foreign",
                &foreign_elf(),
                0o755,
                ExecProblem::WrongArchitecture {
                    found: "s390x".into(),
                    expected: std::env::consts::ARCH.into(),
                },
            ),
        ];
        for (name, content, mode, expected) in rows {
            assert_eq!(problem(bench.start_file(name, content, mode).await), expected, "{name}");
        }
        // The spawner serves on.
        assert_eq!(bench.shell("exit 3").await.exited().await.cause, ExitCause::Code(3));
    });
}

/// The header of a program for a machine that this is not.
fn foreign_elf() -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(b"\x7fELF\x02\x02\x01");
    header[16..20].copy_from_slice(&[0, 2, 0, 22]);
    header
}

#[test]
fn a_program_that_is_being_written_is_tried_again_and_then_named_busy() {
    run(async |bench| {
        let path = bench.dir().join("busy");
        std::fs::copy("/bin/true", &path).unwrap();
        let writer = std::fs::File::options().append(true).open(&path).unwrap();
        let result = bench.client.spawn(bench.spec(&path, &[])).await;
        assert_eq!(problem(result), ExecProblem::TextBusy);
        // Closed while the child tries: the start succeeds.
        let start = bench.client.spawn(bench.spec(&path, &[]));
        let (result, ()) = tokio::join!(start, async { drop(writer) });
        assert_eq!(result.unwrap().exited().await.cause, ExitCause::Code(0));
    });
}

#[test]
fn a_missing_directory_and_an_impossible_limit_name_their_step() {
    run(async |bench| {
        let mut spec = bench.spec("/bin/true", &[]);
        spec.dir = bench.dir().join("gone");
        let failure_of_dir = failure(bench.client.spawn(spec).await);
        assert_eq!(failure_of_dir.step, SpawnStep::Directory, "{failure_of_dir}");

        let mut spec = bench.spec("/bin/true", &[]);
        spec.plan.oom_score_adj = Some(5000);
        let failure_of_plan = failure(bench.client.spawn(spec).await);
        assert!(matches!(failure_of_plan.step, SpawnStep::Sandbox(_)), "{failure_of_plan}");
    });
}

#[test]
fn a_request_that_cannot_be_sent_is_refused_before_anything_starts() {
    run(async |bench| {
        let relative = bench.client.spawn(bench.spec("bin/true", &[])).await;
        assert!(matches!(relative, Err(SpawnError::NotAbsolute { .. })), "{relative:?}");
        let long = "x".repeat(200_000);
        let large = bench.client.spawn(bench.spec("/bin/true", &[&long])).await;
        assert!(matches!(large, Err(SpawnError::TooLarge { .. })), "{large:?}");
        let nul = bench.client.spawn(bench.spec("/bin/true", &["a\0b"])).await;
        assert_eq!(failure(nul).step, SpawnStep::Request);
    });
}

#[test]
fn a_set_up_that_hangs_is_ended_at_its_deadline() {
    run(async |bench| {
        let mut spec = bench.spec("/bin/true", &[]);
        // No set-up is this fast.
        spec.setup_within = Duration::ZERO;
        assert_eq!(failure(bench.client.spawn(spec).await).step, SpawnStep::Deadline);
    });
}

async fn start_as_spawner(program: &str) -> SpawnError {
    let mut config = SpawnerConfig::default();
    config.program = Some(program.into());
    config.hello_within = Duration::from_millis(300);
    SpawnerClient::start(config).await.map(drop).expect_err("this is no spawner")
}

#[test]
fn a_program_that_does_not_become_a_spawner_is_told_what_to_do() {
    run(async |_: &Bench| {
        // One that ends, one that waits and says nothing, one that answers something else.
        for program in ["/bin/true", "/bin/cat"] {
            let error = start_as_spawner(program).await;
            assert!(matches!(&error, SpawnError::NoHello { .. }), "{error:?}");
            assert!(error.to_string().contains("call plugdock::init() first in main"), "{error}");
        }
        let missing = start_as_spawner("/no/such/spawner").await;
        assert!(matches!(&missing, SpawnError::SpawnerStart { .. }), "{missing:?}");
    });
}
