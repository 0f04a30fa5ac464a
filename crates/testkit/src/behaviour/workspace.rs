//! Workspaces: fresh, seeded, bounded, gone afterwards unless asked otherwise.

use std::fs;
use std::path::PathBuf;

use plugdock_contracts::backend::Shutdown;
use plugdock_contracts::workspace::{SeedFile, WorkspaceKind};
use plugdock_contracts::{ByteSize, ErrorCode};
use serde_json::{Value, json};

use crate::harness::{Harness, code, processes_naming};

/// Why what is a process's own is nothing to ask of handlers that are linked in.
pub(super) const HOSTS_OWN_PROCESS: &str = "handlers run in the host's own process";

fn dir_of(told: &Value) -> PathBuf {
    PathBuf::from(told["dir"].as_str().expect("the handler tells its directory"))
}

pub(crate) async fn a_workspace_is_fresh_and_gone_afterwards(h: &mut Harness) {
    for _ in 0..2 {
        let outcome = h.outcome(h.request("workspace", &())).await;
        assert_eq!(outcome.workspace.as_ref().unwrap().as_str(), outcome.execution_id.as_str());
        let told: Value = outcome.into_value().unwrap();
        assert_eq!(told["names"], json!([]), "it is empty at first");
        let dir = dir_of(&told);
        assert!(dir.starts_with(h.workspaces()), "{}", dir.display());
        assert!(!dir.exists(), "it is gone when the outcome is told");
    }
}

pub(crate) async fn seed_files_are_there(h: &mut Harness) {
    let source = h.root().join("rows.csv");
    fs::write(&source, "a,b\n").unwrap();
    let mut request = h.request("workspace", &());
    request.workspace.files = vec![SeedFile { source: source.clone(), name: "seed/rows.csv".to_owned() }];
    let told: Value = h.outcome(request).await.into_value().unwrap();
    assert_eq!((&told["names"], &told["seed"]), (&json!(["seed"]), &json!("a,b\n")));
    assert!(source.exists(), "the original stays");
}

pub(crate) async fn a_workspace_is_kept_when_asked(h: &mut Harness) {
    h.keeps_workspaces();
    let mut request = h.request("workspace", &());
    request.workspace.keep = true;
    let told: Value = h.outcome(request).await.into_value().unwrap();
    assert_eq!(fs::read_to_string(dir_of(&told).join("made.txt")).unwrap(), "made");
    h.finish().await;
    assert!(dir_of(&told).exists(), "it stays when the backend is gone");
}

pub(crate) async fn an_existing_directory_stays_as_it_is(h: &mut Harness) {
    let dir = h.root().join("mine");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("own.txt"), "own").unwrap();
    let mut request = h.request("workspace", &());
    request.workspace.kind = WorkspaceKind::Existing { dir: dir.clone() };
    let told: Value = h.outcome(request).await.into_value().unwrap();
    assert_eq!((dir_of(&told), &told["names"]), (dir.clone(), &json!(["own.txt"])));
    assert_eq!(fs::read_to_string(dir.join("own.txt")).unwrap(), "own");
    assert_eq!(
        fs::read_to_string(dir.join("made.txt")).unwrap(),
        "made",
        "what the handler made there is the caller's"
    );
}

pub(crate) async fn storage_over_the_limit_is_an_error(h: &mut Harness) {
    let mut request = h.request("fill", &(2 << 20));
    request.workspace.storage_limit = Some(ByteSize::from_bytes(256 << 10));
    let outcome = h.outcome(request).await;
    assert_eq!(code(outcome.error().unwrap()), ErrorCode::StorageExceeded);
    let outcome = h.outcome(h.request("fill", &(2 << 20))).await;
    assert!(outcome.is_ok(), "without a limit it is none");
    assert!(outcome.usage.storage_bytes.unwrap() >= 2 << 20, "{:?}", outcome.usage);
}

pub(crate) async fn a_worker_sees_a_scrubbed_environment_and_works_in_its_workspace(h: &mut Harness) {
    if !h.in_processes() {
        return h.not_applicable(HOSTS_OWN_PROCESS);
    }
    let told: Value = h.value("workspace", &()).await;
    // A worker that is kept has a directory of its own: its working directory cannot change with each execution.
    assert_eq!(told["cwd"] == told["dir"], !h.keeps_workers(), "{told}");
    let seen: Value = h.value("environment", &()).await;
    let names: Vec<String> = serde_json::from_value(seen["names"].clone()).unwrap();
    assert!(
        std::env::var_os("CARGO_MANIFEST_DIR").is_some(),
        "this process has variables that a worker must not see"
    );
    let known = ["PATH", "LANG", "HOME", "TMPDIR", "PLUGDOCK_CHANNEL_FD", "PLUGDOCK_PLUGIN"];
    let strange: Vec<_> = names.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}");
    let descriptors: Vec<String> = serde_json::from_value(seen["descriptors"].clone()).unwrap();
    let files: Vec<_> =
        descriptors.iter().filter(|target| target.starts_with('/') && **target != "/dev/null").collect();
    let own = |target: &&&String| !target.starts_with("/proc/") && !target.starts_with("/dev/pts");
    assert_eq!(files.iter().filter(own).count(), 0, "{descriptors:?}");
}

pub(crate) async fn processes_that_a_handler_leaves_end_with_it(h: &mut Harness) {
    if !h.in_processes() {
        return h.not_applicable(HOSTS_OWN_PROCESS);
    }
    let start = std::time::Instant::now();
    let taken = h.take(h.request("family", &(false, true))).await;
    assert_eq!(taken.messages(), ["ready"], "the processes were started");
    assert!(taken.outcome.is_ok(), "the result counts, whatever is left: {:?}", taken.outcome.error());
    if h.keeps_workers() {
        // They are the worker's, and end with it.
        assert!(!processes_naming(h.workspaces()).is_empty());
        let backend = h.backend().await;
        crate::harness::within_ceiling("the shutdown", backend.shutdown(Shutdown::Now)).await;
    }
    // Only workspaces are looked at: the backend's own processes work elsewhere.
    let left = processes_naming(h.workspaces());
    assert!(left.is_empty(), "{left:?}");
    assert!(
        start.elapsed() < std::time::Duration::from_secs(10),
        "nobody waits for what holds the pipes open"
    );
}

pub(crate) async fn a_failed_execution_names_its_workspace_too(h: &mut Harness) {
    let outcome = h.outcome(h.request("fail", &())).await;
    assert!(!outcome.is_ok());
    assert_eq!(outcome.workspace.map(|id| id.to_string()), Some(outcome.execution_id.to_string()));
}

pub(crate) async fn executions_at_once_have_workspaces_of_their_own(h: &mut Harness) {
    let held = h.gated("held").await;
    let others = [h.start(h.request("workspace", &())).await, h.start(h.request("workspace", &())).await];
    let mut dirs = Vec::new();
    for execution in others {
        let told: Value = h.end(execution).await.into_value().unwrap();
        assert_eq!(told["names"], json!([]), "nobody else writes there");
        dirs.push(dir_of(&told));
    }
    assert_ne!(dirs[0], dirs[1]);
    h.open("held").await;
    assert!(h.end(held).await.is_ok());
}
