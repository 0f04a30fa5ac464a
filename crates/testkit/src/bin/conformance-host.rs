//! A host as its users write one: it becomes a spawner or a worker when it was started as one. By hand it starts executions
//! that do not end, brings its backend into the state that it is asked for, and waits to be killed. It tests nothing itself.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::{
    ErrorCode, Execution, ExecutionBackend, ExecutionEvent, ExecutionRequest, PluginId, Shutdown,
};
use plugdock_execution_factory::{
    BackendConfig, Registry, SandboxProfile, create_execution_backend, init_with, platform::Platform,
};
use plugdock_testkit::harness::{Package, wait_for, within_ceiling};
use plugdock_testkit::plugin::{CONFORMANCE, VERSION, nap_if_asked, registry};

/// What comes before the numbers of its processes.
const MARK: &str = "ready";

/// Executions that wait in the pool beside those that run; one more is refused.
const QUEUE: usize = 16;

/// Workers of the plugin that never becomes ready, while the pool is warmed up.
const WARM: usize = 3;

/// The plugin that never becomes ready.
const MUTE: &str = "acme/mute";

/// Starts a child and tells both numbers, in a file beside it, and never introduces itself.
const MUTE_SCRIPT: &str =
    "#!/bin/sh\nsleep 1000 &\necho \"$$ $!\" > \"$0.new.$$\"\nmv \"$0.new.$$\" \"$0.told.$$\"\nwait\n";

/// Longer than any test: what is waited for does not come by itself.
const LONG: Duration = Duration::from_mins(5);

fn main() -> ExitCode {
    nap_if_asked();
    let registry = registry();
    init_with(&registry);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, program, n, state] = &arguments[..] else {
        let usage =
            "usage: conformance-host <root> <plugin program> <executions> subprocess|loaded|draining|warming";
        drop(writeln!(std::io::stderr(), "{usage}"));
        return ExitCode::from(2);
    };
    let (root, program) = (PathBuf::from(root), PathBuf::from(program));
    let Ok(n) = n.parse() else { return ExitCode::from(2) };
    Package::new(CONFORMANCE, VERSION).with_entry(&program, &[]).write(&root.join("plugins/conformance"));
    write_mute(&root.join("plugins/mute"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be built").block_on(async {
        match state.as_str() {
            "subprocess" => subprocess(&root, registry, n).await,
            "loaded" => pool(&root, registry, n, false).await,
            "draining" => pool(&root, registry, n, true).await,
            _ => warming(&root, registry).await,
        }
    });
    ExitCode::SUCCESS
}

fn write_mute(dir: &Path) {
    // Its entry is copied from a program that is there anyway, and becomes another.
    Package::new(MUTE, VERSION).with_entry(Path::new("/bin/sh"), &[]).write(dir);
    let entry = dir.join("bin/program");
    std::fs::remove_file(&entry).expect("it was written");
    std::fs::write(&entry, MUTE_SCRIPT).expect("the directory is there");
    std::fs::set_permissions(&entry, std::fs::Permissions::from_mode(0o755)).expect("it is there");
}

fn configured(mut config: BackendConfig, root: &Path) -> BackendConfig {
    // Its plugins start processes in sessions of their own, which is what a host's death must reach too.
    config.profile = Some(SandboxProfile::Trusted);
    config.workspace_root = root.join("workspaces");
    config.plugin_dirs = vec![root.join("plugins")];
    config.handshake = LONG;
    config.timeouts.acquire = Some(LONG);
    config.timeouts.call = Some(LONG);
    config
}

async fn made(config: BackendConfig, registry: Registry) -> Arc<dyn ExecutionBackend> {
    let platform = Platform::builder().build();
    create_execution_backend(config, registry, platform.into()).await.expect("the backend starts")
}

/// Starts an execution that has a family, and takes the numbers of its members.
async fn family(backend: &dyn ExecutionBackend, numbers: &mut Vec<u64>) -> Execution {
    let request = ExecutionRequest::new(CONFORMANCE, "family").expect("the ids are valid");
    let request = request.with_input(&(true, true)).expect("truth values have a JSON form");
    let mut execution = backend.start(request);
    while let Some(event) = execution.next_event().await {
        if let ExecutionEvent::Log(line) = event
            && let Some(family) = line.fields.get("numbers")
        {
            numbers.extend(family.as_array().into_iter().flatten().filter_map(serde_json::Value::as_u64));
            break;
        }
    }
    execution
}

/// The numbers of the workers that never become ready and of their children, when there are so many.
async fn mutes(root: &Path, n: usize) -> Vec<u64> {
    wait_for("the workers that are started", || {
        let entries = std::fs::read_dir(root.join("plugins/mute/bin")).map_err(|error| error.to_string())?;
        let told = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().contains(".told."));
        let texts: Vec<String> =
            told.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect();
        if texts.len() < n {
            return Err(format!("{} of {n}", texts.len()));
        }
        Ok(texts
            .iter()
            .flat_map(|text| text.split_whitespace())
            .filter_map(|number| number.parse().ok())
            .collect())
    })
    .await
}

/// Tells the numbers, and waits for ever.
async fn tell(numbers: &[u64]) {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    writeln!(std::io::stdout(), "{MARK} {}", numbers.join(" ")).expect("the test reads it");
    std::future::pending::<()>().await;
}

async fn subprocess(root: &Path, registry: Registry, n: usize) {
    let mut config = configured(BackendConfig::subprocess(), root);
    config.max_concurrent = n;
    let backend = made(config, registry).await;
    let (mut running, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..n {
        running.push(family(&*backend, &mut numbers).await);
    }
    tell(&numbers).await;
}

fn nothing() -> ExecutionRequest {
    ExecutionRequest::new(CONFORMANCE, "nothing").expect("the ids are valid")
}

/// A pool with every worker busy, one being started, and a full queue; in the middle of its drain if asked to.
async fn pool(root: &Path, registry: Registry, n: usize, drains: bool) {
    let mut config = configured(BackendConfig::worker_pool(), root);
    (config.pool.min, config.pool.max, config.pool.queue) = (0, n + 1, QUEUE);
    let backend = made(config, registry).await;
    let (mut running, mut numbers) = (Vec::new(), Vec::new());
    for _ in 0..n {
        running.push(family(&*backend, &mut numbers).await);
    }
    let mute = ExecutionRequest::new(MUTE, "any").expect("the ids are valid");
    running.push(backend.start(mute));
    numbers.extend(mutes(root, 1).await);
    // One waits for the plugin that never becomes ready; with the others, the queue is full.
    for _ in 1..QUEUE {
        running.push(backend.start(nothing()));
    }
    wait_for("the queue to fill", || {
        let waiting = backend.stats().waiting;
        if waiting == QUEUE as u64 { Ok(()) } else { Err(format!("{waiting} wait")) }
    })
    .await;
    let full = backend.start(nothing()).wait().await;
    assert!(full.error().is_some_and(|error| *error.code() == ErrorCode::QueueFull), "{full:?}");
    if !drains {
        return tell(&numbers).await;
    }
    let drain = async {
        backend.shutdown(Shutdown::Drain(LONG)).await;
    };
    let stopping = async {
        within_ceiling("the backend to refuse", async {
            loop {
                let outcome = backend.start(nothing()).wait().await;
                if outcome.error().is_some_and(|error| *error.code() == ErrorCode::ShuttingDown) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        tell(&numbers).await;
    };
    tokio::join!(drain, stopping);
}

/// A pool whose warm workers do not become ready.
async fn warming(root: &Path, registry: Registry) {
    let mut config = configured(BackendConfig::worker_pool(), root);
    config.pool.min = WARM;
    config.pool.warm = vec![PluginId::new(MUTE).expect("the id is valid")];
    let made = made(config, registry);
    let told = async {
        tell(&mutes(root, WARM).await).await;
    };
    let (_backend, ()) = tokio::join!(made, told);
}
