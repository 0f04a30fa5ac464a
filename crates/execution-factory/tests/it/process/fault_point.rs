//! Single-fault enumeration: each system call of a confined worker's set-up fails, at each of its occurrences, one at a time.
//! The plugin then either does not run, for a reason that is told, or runs fully confined with a true receipt; nothing hangs.
//!
//! The faults are injected by `strace`, which CI installs.

#![expect(clippy::unwrap_used, reason = "what fails around a fault fails the test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_execution_factory::process::{Spawn as _, SpawnError, SpawnFailure, SpawnStep, SpawnerConfig};
use plugdock_sandbox::verify;

use super::bench::{Bench, all_lines, confined};
use super::confined::ATTEMPTS;

const STRACE: &str = "/usr/bin/strace";

/// More than any call has: an enumeration that comes so far has no end.
const MAX_POINTS: u32 = 400;

/// A set-up that was not done by then hangs: a fault makes none of its steps slower.
const SETUP_WITHIN: Duration = Duration::from_secs(5);

/// What one fault led to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    points: u32,
    not_run: u32,
    confined: u32,
}

/// A spawner whose descendants meet a fault at one occurrence of a system call. What was injected is in the log.
fn faulty_spawner(dir: &Path, call: &str, errno: &str, when: u32) -> (SpawnerConfig, PathBuf) {
    let (script, log) = (dir.join("spawner"), dir.join("log"));
    let text = format!(
        "#!/bin/sh\nexec {STRACE} -f -qq -o '{}' -e trace={call} -e inject={call}:error={errno}:when={when} '{}'\n",
        log.display(),
        env!("CARGO_BIN_EXE_plugdock-spawner"),
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut config = SpawnerConfig::default();
    config.program = Some(script);
    (config, log)
}

/// One point: answers whether the fault was injected, and whether the plugin ran.
async fn point(call: &str, errno: &str, when: u32) -> (bool, bool) {
    let scratch = tempfile::tempdir().unwrap();
    let (config, log) = faulty_spawner(scratch.path(), call, errno, when);
    let bench = match plugdock_execution_factory::process::SpawnerClient::start(config).await {
        Ok(client) => Bench::of(client),
        // The spawner itself met the fault, and said so.
        Err(_) => return (true, false),
    };
    let mut spec = bench.spec("/bin/sh", &["-c", ATTEMPTS]);
    spec.plan = confined(bench.dir());
    spec.setup_within = SETUP_WITHIN;
    let plan = spec.plan.clone();
    let ran = match bench.client.spawn(spec).await {
        Ok(mut worker) => {
            assert_eq!(verify(&plan, worker.receipt()), Ok(()), "{call} {when}: a receipt that is not true");
            let lines = all_lines(&mut worker).await;
            assert!(!lines.iter().any(|line| line.contains("LEAK")), "{call} {when}: {lines:?}");
            // A fault in the program itself, or in its loader, may leave it without a word.
            true
        }
        Err(SpawnError::Failed { failure, .. }) => {
            let SpawnFailure { step, .. } = &*failure;
            assert_ne!(*step, SpawnStep::Deadline, "{call} {when}: the set-up hangs");
            false
        }
        Err(_told) => false,
    };
    bench.client.shutdown().await;
    let injected = std::fs::read_to_string(log).is_ok_and(|log| log.contains("(INJECTED)"));
    (injected, ran)
}

fn enumerate(call: &str, errno: &str) -> Tally {
    assert!(Path::new(STRACE).exists(), "this test needs strace, which CI installs");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut tally = Tally::default();
    for when in 1..=MAX_POINTS {
        let (injected, ran) = runtime.block_on(point(call, errno, when));
        if !injected {
            assert!(
                tally.points > 0 && ran,
                "{call}: the set-up does not make this call, or fails without a fault"
            );
            return tally;
        }
        tally.points += 1;
        tally.not_run += u32::from(!ran);
        tally.confined += u32::from(ran);
    }
    panic!("{call}: no end after {MAX_POINTS} points");
}

macro_rules! faults {
    ($($name:ident: $call:literal $errno:literal;)*) => {
        $(#[test]
        fn $name() {
            let tally = enumerate($call, $errno);
            assert!(tally.not_run > 0, "no fault of this call kept the plugin from running: {tally:?}");
        })*
    };
}

faults! {
    fork: "clone,clone3,fork,vfork" "EAGAIN";
    session: "setsid" "EPERM";
    control: "prctl" "EINVAL";
    placed_descriptors: "dup3" "EMFILE";
    copied_descriptors: "fcntl" "EMFILE";
    closed_descriptors: "close_range" "ENOMEM";
    signal_actions: "rt_sigaction" "EFAULT";
    signal_mask: "rt_sigprocmask" "EFAULT";
    directory: "chdir" "ENOMEM";
    limits: "prlimit64" "EPERM";
    capabilities: "capset" "EPERM";
    rule_set: "landlock_create_ruleset" "ENOMEM";
    rule: "landlock_add_rule" "ENOMEM";
    domain: "landlock_restrict_self" "ENOMEM";
    filter: "seccomp" "ENOMEM";
    own_state: "pread64,read" "EIO";
    report: "write" "EIO";
    program: "execve" "ENOMEM";
}
