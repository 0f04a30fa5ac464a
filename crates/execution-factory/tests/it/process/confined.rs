//! A worker that the kernel confines, through the real spawner: what its receipt says, and what it then finds.

use plugdock_execution_factory::process::{ExitCause, Spawn as _, SpawnError};
use plugdock_sandbox::{FileAccess, FileRule, Rlimit, RlimitKind, RuleOrigin, SandboxPlan, verify};

use super::bench::{Bench, all_lines, confined, run};

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
        let walls = worker.receipt().walls.unwrap();
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

/// Takes one layer away.
type Strip = fn(&mut SandboxPlan);

/// Runs a script of perl under a plan and answers what it prints.
async fn said_under(bench: &Bench, script: &str, plan: SandboxPlan) -> Vec<String> {
    let mut spec = bench.spec("/usr/bin/perl", &["-e", script]);
    spec.plan = plan;
    let mut worker = bench.client.spawn(spec).await.expect("perl starts");
    all_lines(&mut worker).await
}

#[test]
fn each_layer_holds_something_that_no_other_does() {
    assert!(
        std::path::Path::new("/usr/bin/perl").exists(),
        "this test needs perl, for calls that a shell cannot make"
    );
    let mut rows: Vec<(&str, &str, Strip)> = vec![
        ("files", "print((open(F, '<', '/etc/passwd') ? 'open' : 'closed'), qq(\\n))", |plan| {
            plan.domain = None;
        }),
        ("signals", "print((kill(0, getppid()) ? 'open' : 'closed'), qq(\\n))", |plan| {
            plan.domain = None;
        }),
        // Family, type and protocol of TCP; Landlock has nothing against a socket.
        ("sockets", "print((socket(S, 2, 1, 0) ? 'open' : 'closed'), qq(\\n))", |plan| {
            plan.syscalls = None;
        }),
        ("modes", "print((chmod(0700, '.') ? 'open' : 'closed'), qq(\\n))", |plan| {
            plan.syscalls = None;
        }),
        (
            "files' sizes",
            "open(F, '>', 'f'); $SIG{XFSZ} = 'IGNORE'; syswrite(F, 'x' x 8192); print((-s 'f') > 4096 ? 'open' : 'closed', qq(\\n))",
            |plan| {
                plan.rlimits.retain(|limit| limit.kind != RlimitKind::FileSize);
            },
        ),
    ];
    if nix::unistd::geteuid().is_root() {
        // Giving a file away takes a capability, and is asked through a descriptor, which the filter lets pass.
        rows.push((
            "capabilities",
            "open(F, '>', 'g'); print((chown(1, 1, *F) ? 'open' : 'closed'), qq(\\n))",
            |plan| {
                plan.drop_privileges = false;
            },
        ));
    }
    run(async |bench| {
        let mut whole = confined(bench.dir());
        whole.allow(FileRule::new("/usr/bin/perl", FileAccess::Run, RuleOrigin::Runtime));
        whole.rlimits.push(Rlimit::exactly(RlimitKind::FileSize, 4096));
        for (what, script, strip) in rows {
            assert_eq!(
                said_under(bench, script, whole.clone()).await,
                ["closed"],
                "{what} under the whole plan"
            );
            let mut stripped = whole.clone();
            strip(&mut stripped);
            assert_ne!(stripped, whole, "{what}");
            assert_eq!(said_under(bench, script, stripped).await, ["open"], "{what} without its layer");
        }
    });
}
