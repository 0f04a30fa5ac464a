//! A host whose own program becomes the spawner, which is what a host gets without configuration.
//! It is a program of its own, without the test harness: only then is `run_if_asked` the first thing in `main`.

use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use plugdock_contracts::limits::Limits;
use plugdock_contracts::permission::Permissions;
use plugdock_execution_factory::process::{
    ExitCause, ROLE_VARIABLE, Spawn as _, SpawnError, SpawnSpec, SpawnerClient, SpawnerConfig, environment,
    spawner,
};
use plugdock_sandbox::{HostCapabilities, SandboxPlan, SandboxProfile};

const TEST: &str = "own_program_becomes_the_spawner";

/// Longer means hung.
const CEILING: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    spawner::run_if_asked();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--list") {
        // A test runner asks for the tests, and apart for the ignored ones, of which there are none.
        let list = if has("--ignored") { String::new() } else { format!("{TEST}: test\n") };
        return write(&list);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    if std::env::var_os(ROLE_VARIABLE).is_some() {
        return runtime.block_on(is_refused());
    }
    runtime
        .block_on(async { tokio::time::timeout(CEILING, starts_workers()).await.expect("the test hangs") });
    refuses_to_nest();
    write(&format!("test {TEST} ... ok\n"))
}

fn write(text: &str) -> ExitCode {
    std::io::stdout().write_all(text.as_bytes()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

async fn starts_workers() {
    let client =
        SpawnerClient::start(SpawnerConfig::default()).await.expect("the own program becomes a spawner");
    let dir = std::env::temp_dir();
    let spec = SpawnSpec {
        program: "/bin/sh".into(),
        // What the spawner was given of this environment, seen by its child: nothing but its role.
        args: vec![
            "-c".into(),
            "tr '\\0' '\\n' < /proc/$PPID/environ >&3; cat /proc/$PPID/comm >&3; exit 5".into(),
        ],
        env: environment::scrubbed(&dir, &dir),
        dir,
        plan: SandboxPlan::compute(
            &Permissions::deny_all(),
            &Limits::default(),
            SandboxProfile::Trusted,
            &HostCapabilities::probe(),
        )
        .expect("the weakest profile needs nothing that a kernel lacks"),
        setup_within: CEILING,
    };
    let mut worker = client.spawn(spec).await.expect("a worker starts");
    let channel = worker.take_channel().expect("the channel is there once");
    assert_eq!(worker.exited().await.cause, ExitCause::Code(5));
    let said = read_all(channel);
    let lines: Vec<&str> = said.lines().collect();
    // A spawner cannot be traced, so only root may read its environment.
    if lines.len() == 2 {
        assert_eq!(lines[0], "PLUGDOCK_ROLE=spawner");
    }
    assert_eq!(lines.last(), Some(&"plugdock-spawn"));
    client.shutdown().await;
}

/// Everything in a channel whose other end is closed.
fn read_all(channel: std::os::unix::net::UnixStream) -> String {
    std::io::read_to_string(channel).expect("the worker has ended, so the channel is at its end")
}

/// A part of plugdock that starts this program again must not become a host.
fn refuses_to_nest() {
    let program = std::env::current_exe().expect("this program has a path");
    #[expect(clippy::disallowed_methods, reason = "a test plays a host that is started from outside")]
    let status = Command::new(program).env(ROLE_VARIABLE, "something-else").stdin(Stdio::null()).status();
    assert!(status.expect("this program can be started").success());
}

async fn is_refused() -> ExitCode {
    match SpawnerClient::start(SpawnerConfig::default()).await {
        Err(SpawnError::Nested { role }) if role == "something-else" => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
