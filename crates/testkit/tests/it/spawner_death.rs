//! A spawner that is killed takes its workers with it, is told as the cause, and is replaced. What had left its worker's group
//! is not looked for here: `docs/decisions/spawning.md` says why it survives.

use std::path::Path;
use std::process::{Command, Stdio};

use plugdock_contracts::error::CrashCause;
use plugdock_contracts::{ErrorCode, ExecutionBackendExt as _, ExecutionEvent, ExecutionRequest, Shutdown};
use plugdock_testkit::harness::{LeakOracle, Package, Process, processes_naming, wait_for, within_ceiling};
use plugdock_testkit::plugin::{CONFORMANCE, VERSION};
use plugdock_testkit::suite::alone;

use crate::conformance::{HOST, PLUGIN};
use crate::fault::backend;

/// The children of this process that run the spawner's program.
fn spawners() -> Vec<u32> {
    let own = std::process::id();
    let entries = std::fs::read_dir("/proc").unwrap();
    let processes = entries.filter_map(|entry| Process::of(entry.ok()?.file_name().to_str()?.parse().ok()?));
    let is_spawner = |process: &Process| {
        let program = std::fs::read_link(format!("/proc/{}/exe", process.pid));
        process.parent == own
            && process.is_running()
            && program.is_ok_and(|program| program == Path::new(HOST))
    };
    processes.filter(is_spawner).map(|process| process.pid).collect()
}

#[test]
fn a_killed_spawner_is_told_and_replaced() {
    let _alone = alone();
    let oracle = LeakOracle::before();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    Package::new(CONFORMANCE, VERSION)
        .with_entry(Path::new(PLUGIN), &[])
        .write(&path.join("plugins/conformance"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let backend = backend(&path).await;
        let request =
            ExecutionRequest::new(CONFORMANCE, "family").unwrap().with_input(&(true, false)).unwrap();
        let mut execution = backend.start(request);
        within_ceiling("the family", async {
            while !matches!(execution.next_event().await.unwrap(), ExecutionEvent::Log(_)) {}
        })
        .await;
        let [spawner] = spawners()[..] else { panic!("one spawner, not {:?}", spawners()) };
        let mut kill = Command::new("/bin/kill");
        assert!(kill.args(["-KILL", &spawner.to_string()]).stdin(Stdio::null()).status().unwrap().success());
        let error = within_ceiling("the outcome", execution.wait()).await.result.unwrap_err();
        assert_eq!(*error.code(), ErrorCode::WorkerCrashed, "{error:?}");
        assert_eq!(error.cause(), Some(&CrashCause::SpawnerLost), "{error:?}");
        wait_for("the family to end with the spawner", || {
            let left = processes_naming(&path.join("workspaces"));
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .await;
        within_ceiling("a new spawner", async {
            loop {
                match backend.call::<_, i32>(CONFORMANCE, "echo", &7).await {
                    Ok(value) => {
                        assert_eq!(value, 7);
                        return;
                    }
                    Err(error) => {
                        // It is restarted with pauses that grow; until then it says so.
                        let is_restarting = *error.code() == ErrorCode::SpawnFailed && error.is_retryable();
                        assert!(is_restarting, "{error:?}");
                    }
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        backend.shutdown(Shutdown::Now).await;
    });
    drop(runtime);
    oracle.check(&path);
}
