//! The host of the hostile plugin: a process of its own, so that its user can be chosen and what is attacked is no test.
//! It runs every row under one profile and prints what it heard, a line of JSON for each execution.

use std::fs;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::{ByteSize, ExecutionBackend, ExecutionRequest, Limits, Shutdown};
use plugdock_execution_factory::platform::Platform;
use plugdock_execution_factory::{BackendConfig, Registry, SandboxProfile, create_execution_backend};
use plugdock_testkit::escape::{
    Attempt, Attempted, Facts, HANDLER, Heard, PLUGIN, Profile, Proof, Row, SECRET_VARIABLE, VERSION, deaths,
    tried_rows,
};
use plugdock_testkit::harness::{Package, processes_naming, wait_for};

use super::call::call;

/// Longer than any row takes on a busy machine.
const CALL: Duration = Duration::from_mins(1);

/// The rows that run under limits where the profile confines.
const BOMBS: [&str; 5] = ["E90", "E91", "E92", "E93", "E94"];

/// The row after which nobody may be left.
const LEAVING: &str = "E42";

pub(crate) fn run(root: &Path, profile: &str) -> ExitCode {
    let Some(profile) = Profile::named(profile) else { return ExitCode::from(2) };
    let program = std::env::current_exe().expect("a program that runs has a path");
    Package::new(PLUGIN, VERSION).with_entry(&program, &[]).write(&root.join("plugins/escape"));
    let secret = std::env::var(SECRET_VARIABLE).expect("the suite sets the secret");
    let bait = root.join("bait");
    fs::write(&bait, &secret).expect("the root is the host's");
    // A descriptor that a careless host leaves to its children.
    let careless = fs::File::open(&bait).expect("it was just written");
    let leaked = call(libc::SYS_dup, &[careless.as_raw_fd() as isize]);
    assert!(leaked.is_ok(), "a descriptor can be had twice");
    let (socket, abstract_name) = (root.join("socket"), format!("plugdock-escape-{}", std::process::id()));
    let _listening = UnixListener::bind(&socket).expect("the root is the host's");
    let address = SocketAddr::from_abstract_name(&abstract_name).expect("the name is short");
    let _listening_by_name =
        UnixListener::bind_addr(&address).expect("the name holds the number of this process");
    let host = i32::try_from(std::process::id()).expect("a process has a small number");
    let facts = Facts { host, socket, abstract_name, bait, secret };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be built").block_on(every_row(root, &program, profile, &facts));
    ExitCode::SUCCESS
}

async fn every_row(root: &Path, program: &Path, profile: Profile, facts: &Facts) {
    let mut config = BackendConfig::subprocess();
    config.workspace_root = root.join("workspaces");
    config.plugin_dirs = vec![root.join("plugins")];
    config.spawner_program = Some(program.to_owned());
    config.timeouts.call = Some(CALL);
    let known = SandboxProfile::ALL.into_iter().find(|known| known.as_str() == profile.as_str());
    config.profile = Some(known.expect("the sandbox has the profile that is asked for"));
    let platform = Arc::new(Platform::builder().build());
    let backend = create_execution_backend(config, Registry::new(), platform).await;
    let backend = backend.unwrap_or_else(|error| panic!("no backend: {error}, because {:?}", error.chain()));
    for row in tried_rows() {
        let mut heard = heard(&*backend, &row, None, profile, facts).await;
        if row.id == LEAVING {
            let workspaces = root.join("workspaces");
            wait_for("the end of whoever was left behind", || {
                let left = processes_naming(&workspaces);
                if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
            })
            .await;
            heard.attempted.push(attempted("survivors", "none"));
        }
        tell(&heard);
    }
    for row in deaths() {
        let Proof::Tried(trials) = row.proof else { continue };
        for trial in trials {
            tell(&heard(&*backend, row, Some(trial.what), profile, facts).await);
        }
    }
    backend.shutdown(Shutdown::Now).await;
}

fn attempted(what: &str, result: &str) -> Attempted {
    Attempted { what: what.to_owned(), result: result.to_owned(), detail: String::new() }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.memory = Some(ByteSize::from_mib(128));
    limits.processes = Some(32);
    limits.open_files = Some(256);
    limits.file_size = Some(ByteSize::from_mib(16));
    limits.storage = Some(ByteSize::from_mib(32));
    limits
}

async fn heard(
    backend: &dyn ExecutionBackend,
    row: &Row,
    in_own_process: Option<&str>,
    profile: Profile,
    facts: &Facts,
) -> Heard {
    let attempt = Attempt {
        id: row.id.to_owned(),
        facts: facts.clone(),
        in_own_process: in_own_process.map(str::to_owned),
    };
    let request = ExecutionRequest::new(PLUGIN, HANDLER).expect("the ids are valid");
    let mut request = request.with_input(&attempt).expect("an attempt has a JSON form");
    if profile != Profile::Trusted && BOMBS.contains(&row.id) {
        request.limits = limits();
    }
    let outcome = backend.start(request).wait().await;
    let mut heard =
        Heard { id: attempt.id, in_own_process: attempt.in_own_process, attempted: Vec::new(), error: None };
    match (outcome.into_value::<Vec<Attempted>>(), in_own_process) {
        (Ok(attempted), _) => heard.attempted = attempted,
        (Err(error), Some(what)) => {
            let cause = error.cause().map_or_else(|| "no cause".to_owned(), |cause| format!("{cause:?}"));
            heard.attempted = vec![attempted(what, &format!("{} {cause}", error.code()))];
        }
        (Err(error), None) => heard.error = Some(format!("{error:?}")),
    }
    heard
}

fn tell(heard: &Heard) {
    let line = serde_json::to_string(heard).expect("it has a JSON form");
    writeln!(std::io::stdout(), "{line}").expect("the suite reads it");
}
