//! A short soak in every run of the tests: the pool under random load and attack, which `PLUGDOCK_SOAK` makes longer. And what
//! longer ones found, each as the smallest case that shows it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::error::CrashCause;
use plugdock_contracts::{
    ErrorCode, Execution, ExecutionBackend, ExecutionBackendExt as _, ExecutionEvent, ExecutionRequest,
    PluginId, Shutdown,
};
use plugdock_execution_factory::platform::Platform;
use plugdock_execution_factory::{BackendConfig, create_execution_backend};
use plugdock_testkit::chaos::{SoakConfig, soak};
use plugdock_testkit::harness::{LeakOracle, Package, Process, wait_for, within_ceiling};
use plugdock_testkit::plugin::{CALLEE, CALLEE_ARGUMENT, CONFORMANCE, VERSION, registry};
use plugdock_testkit::suite::alone;

use crate::conformance::{HOST, PLUGIN};

/// Long enough for most kinds of call and deed to come.
const SHORT: Duration = Duration::from_secs(8);

#[test]
fn the_pool_keeps_its_promises_under_load_and_attack() {
    let _alone = alone();
    let program = Path::new(env!("CARGO_BIN_EXE_chaos"));
    let fault_program = Path::new(env!("CARGO_BIN_EXE_plugdock-fault"));
    let config = SoakConfig::from_env_or(SHORT, program, fault_program).unwrap();
    let report = soak(&config);
    println!("{report}");
    assert!(report.violations().is_empty(), "{report}");
}

/// Runs a test on a pool of the suite's plugins, and checks that nothing is left.
fn on_a_pool<F>(change: impl FnOnce(&mut BackendConfig), test: impl FnOnce(Arc<dyn ExecutionBackend>) -> F)
where
    F: Future<Output = ()>,
{
    let _alone = alone();
    let oracle = LeakOracle::before();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().canonicalize().unwrap();
    for (name, id, args) in [("conformance", CONFORMANCE, &[][..]), ("callee", CALLEE, &[CALLEE_ARGUMENT])] {
        Package::new(id, VERSION).with_entry(Path::new(PLUGIN), args).write(&path.join("plugins").join(name));
    }
    let mut config = BackendConfig::worker_pool();
    config.workspace_root = path.join("workspaces");
    config.plugin_dirs = vec![path.join("plugins")];
    config.spawner_program = Some(HOST.into());
    change(&mut config);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let platform = Arc::new(Platform::builder().build());
        let backend = create_execution_backend(config, registry(), platform).await.unwrap();
        test(Arc::clone(&backend)).await;
        backend.shutdown(Shutdown::Now).await;
    });
    drop(runtime);
    oracle.check(&path);
}

fn signal(name: &str, pid: u32) {
    let mut kill = Command::new("/bin/kill");
    assert!(kill.args([name, &pid.to_string()]).stdin(Stdio::null()).status().unwrap().success());
}

fn request(handler: &str) -> ExecutionRequest {
    ExecutionRequest::new(CONFORMANCE, handler).unwrap()
}

/// The process of the only worker.
fn only_worker(backend: &dyn ExecutionBackend) -> u32 {
    let [worker] = &backend.workers()[..] else { panic!("one worker, not {:?}", backend.workers()) };
    worker.pid.unwrap()
}

/// Everything that comes of a stream, until its end.
async fn stream_of(execution: &mut Execution) -> Vec<u8> {
    let mut stream = Vec::new();
    while let Some(event) = execution.next_event().await {
        if let ExecutionEvent::Data(piece) = event {
            stream.extend(piece);
        }
    }
    stream
}

#[test]
fn input_that_went_to_a_worker_that_died_is_never_missing_from_a_result() {
    let one = |config: &mut BackendConfig| (config.pool.min, config.pool.max) = (1, 1);
    on_a_pool(one, async |backend| {
        assert_eq!(backend.call::<_, i32>(CONFORMANCE, "echo", &7).await.unwrap(), 7);
        let pid = only_worker(&*backend);
        signal("-STOP", pid);
        let mut execution = backend.start(request("upper"));
        let mut input = execution.input().unwrap();
        // They lie in the worker's socket and are read by nobody; the call has not begun when it dies.
        for piece in ["a", "b", "c"] {
            within_ceiling("the piece to be taken", input.send(Bytes::from(piece))).await.unwrap();
        }
        wait_for("the worker to have the call", || match backend.stats().running {
            1 => Ok(()),
            n => Err(format!("{n} run")),
        })
        .await;
        signal("-KILL", pid);
        let rest = async move {
            if input.send(Bytes::from("d")).await.is_ok() {
                let _ended_already = input.finish().await;
            }
        };
        let (stream, ()) =
            within_ceiling("the stream", async { tokio::join!(stream_of(&mut execution), rest) }).await;
        match within_ceiling("the outcome", execution.wait()).await.result {
            Ok(_) => assert_eq!(String::from_utf8(stream).unwrap(), "ABCD"),
            Err(error) => {
                assert_eq!(*error.code(), ErrorCode::WorkerCrashed, "{error:?}");
                assert_eq!(error.cause(), Some(&CrashCause::Signal { signal: 9, core: false }), "{error:?}");
            }
        }
    });
}

#[test]
fn the_death_of_the_spawner_quarantines_no_plugin() {
    on_a_pool(
        |_| {},
        async |backend| {
            let mut running = Vec::new();
            // More than crashes are allowed for a plugin.
            for _ in 0..6 {
                let mut execution = backend.start(request("polite"));
                within_ceiling("the handler", async {
                    while !matches!(execution.next_event().await.unwrap(), ExecutionEvent::Log(_)) {}
                })
                .await;
                running.push(execution);
            }
            let worker = backend.workers()[0].pid.unwrap();
            signal("-KILL", Process::of(worker).unwrap().parent);
            for execution in running {
                let error = within_ceiling("the outcome", execution.wait()).await.result.unwrap_err();
                assert_eq!(error.cause(), Some(&CrashCause::SpawnerLost), "{error:?}");
            }
            within_ceiling("a new spawner", async {
                while let Err(error) = backend.call::<_, i32>(CONFORMANCE, "echo", &7).await {
                    assert_eq!(*error.code(), ErrorCode::SpawnFailed, "{error:?}");
                }
            })
            .await;
        },
    );
}

#[test]
fn a_plugin_that_is_kept_warm_does_not_keep_another_from_its_worker() {
    let change = |config: &mut BackendConfig| {
        (config.pool.min, config.pool.max) = (1, 1);
        config.pool.warm = vec![PluginId::new(CALLEE).unwrap()];
    };
    on_a_pool(change, async |backend| {
        assert_eq!(backend.call::<_, i32>(CONFORMANCE, "echo", &7).await.unwrap(), 7);
        let spawned = backend.stats().spawned;
        assert!(spawned <= 3, "{spawned} workers were started for one call");
    });
}

#[test]
fn a_nested_call_that_is_given_up_while_its_worker_starts_harms_nothing() {
    on_a_pool(
        |_| {},
        async |backend| {
            for _ in 0..8 {
                let mut execution = backend.start(request("invoke-slow"));
                within_ceiling("the handler", async {
                    while !matches!(execution.next_event().await.unwrap(), ExecutionEvent::Log(_)) {}
                })
                .await;
                wait_for("a worker to be started for it", || {
                    let workers = backend.workers();
                    let is_callee = |plugin: &PluginId| plugin.to_string() == CALLEE;
                    if workers.iter().any(|worker| is_callee(&worker.plugin)) {
                        Ok(())
                    } else {
                        Err(format!("{workers:?}"))
                    }
                })
                .await;
                drop(execution);
            }
            assert_eq!(backend.call::<_, i32>(CALLEE, "double", &4).await.unwrap(), 8);
            wait_for("what was given up to end", || match backend.stats() {
                stats if stats.running == 0 && stats.waiting == 0 => Ok(()),
                stats => Err(format!("{stats:?}")),
            })
            .await;
        },
    );
}
