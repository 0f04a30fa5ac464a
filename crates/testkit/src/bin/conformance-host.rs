//! A host as its users write one: it becomes a spawner or a worker when it was started as one. By hand it starts executions
//! that do not end, and waits to be killed. It tests nothing itself.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use plugdock_contracts::{ExecutionEvent, ExecutionRequest};
use plugdock_execution_factory::{BackendConfig, create_execution_backend, init_with, platform::Platform};
use plugdock_testkit::harness::Package;
use plugdock_testkit::plugin::{CONFORMANCE, VERSION, registry};

/// What comes before the numbers of its processes.
const MARK: &str = "ready";

fn main() -> ExitCode {
    let registry = registry();
    init_with(&registry);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, program, n] = &arguments[..] else {
        drop(writeln!(std::io::stderr(), "usage: conformance-host <root> <plugin program> <executions>"));
        return ExitCode::from(2);
    };
    let (root, program) = (PathBuf::from(root), PathBuf::from(program));
    let Ok(n) = n.parse() else { return ExitCode::from(2) };
    Package::new(CONFORMANCE, VERSION).with_entry(&program, &[]).write(&root.join("plugins/conformance"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be built").block_on(host(root, registry, n));
    ExitCode::SUCCESS
}

/// Starts executions of which every one has a family, tells their numbers, and waits for ever.
async fn host(root: PathBuf, registry: plugdock_execution_factory::Registry, n: usize) {
    let mut config = BackendConfig::subprocess();
    config.workspace_root = root.join("workspaces");
    config.plugin_dirs = vec![root.join("plugins")];
    config.max_concurrent = n;
    let platform = Platform::builder().build();
    let backend =
        create_execution_backend(config, registry, platform.into()).await.expect("the backend starts");
    let mut running = Vec::new();
    let mut numbers = Vec::new();
    for _ in 0..n {
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
        running.push(execution);
    }
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    writeln!(std::io::stdout(), "{MARK} {}", numbers.join(" ")).expect("the test reads it");
    std::future::pending::<()>().await;
}
