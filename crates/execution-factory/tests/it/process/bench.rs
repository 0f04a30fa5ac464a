//! The bench on which a test puts real workers: a spawner, a scratch directory, a ceiling.
//! It asserts nothing about workers; the tests do.

#![expect(clippy::unwrap_used, reason = "what fails on the bench fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use plugdock_contracts::limits::Limits;
use plugdock_contracts::permission::Permissions;
use plugdock_execution_factory::process::{
    ForwardLimits, OutputReader, Spawn, SpawnError, SpawnSpec, SpawnerClient, SpawnerConfig, WorkerProcess,
    environment,
};
use plugdock_sandbox::{FileAccess, FileRule, HostCapabilities, RuleOrigin, SandboxPlan, SandboxProfile};

/// Longer means hung.
pub(crate) const CEILING: Duration = Duration::from_secs(30);

pub(crate) struct Bench {
    pub(crate) client: SpawnerClient,
    scratch: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(own_spawner()).await
    }

    pub(crate) async fn with(config: SpawnerConfig) -> Self {
        Self { client: SpawnerClient::start(config).await.unwrap(), scratch: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn of(client: SpawnerClient) -> Self {
        Self { client, scratch: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn spec(&self, program: impl Into<PathBuf>, args: &[&str]) -> SpawnSpec {
        spec(self.dir(), program, args)
    }

    pub(crate) async fn shell(&self, script: &str) -> WorkerProcess {
        self.client.spawn(self.spec("/bin/sh", &["-c", script])).await.unwrap()
    }

    /// Writes a file with a mode and tries to start it.
    pub(crate) async fn start_file(
        &self,
        name: &str,
        content: &[u8],
        mode: u32,
    ) -> Result<WorkerProcess, SpawnError> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.dir().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        self.client.spawn(self.spec(path, &[])).await
    }
}

pub(crate) fn own_spawner() -> SpawnerConfig {
    let mut config = SpawnerConfig::default();
    config.program = Some(env!("CARGO_BIN_EXE_plugdock-spawner").into());
    config
}

/// The plan of the profile that confines nothing.
pub(crate) fn trusted(limits: &Limits) -> SandboxPlan {
    let machine = HostCapabilities::probe();
    SandboxPlan::compute(&Permissions::deny_all(), limits, SandboxProfile::Trusted, &machine).unwrap()
}

pub(crate) fn spec(dir: &Path, program: impl Into<PathBuf>, args: &[&str]) -> SpawnSpec {
    SpawnSpec {
        program: program.into(),
        args: args.iter().map(ToString::to_string).collect(),
        env: environment::scrubbed(dir, dir),
        dir: dir.to_owned(),
        plan: trusted(&Limits::default()),
        setup_within: CEILING,
    }
}

/// The plan of a shell that is confined to a directory.
pub(crate) fn confined(dir: &Path) -> SandboxPlan {
    let machine = HostCapabilities::probe();
    let (permissions, limits) = (Permissions::deny_all(), Limits::default());
    let mut plan = SandboxPlan::compute(&permissions, &limits, SandboxProfile::Restricted, &machine)
        .expect("this test needs Landlock 6 or newer and seccomp");
    // The shell and its loader.
    for path in ["/bin/sh", "/lib", "/lib64"] {
        plan.allow(FileRule::new(path, FileAccess::Run, RuleOrigin::Runtime));
    }
    plan.allow(FileRule::new(dir, FileAccess::Write, RuleOrigin::Own));
    plan
}

/// Runs a test within the ceiling and shuts its spawner down.
pub(crate) fn run(test: impl AsyncFnOnce(&Bench)) {
    run_with(own_spawner(), test);
}

/// [`run`] with a spawner of its own configuration.
pub(crate) fn run_with(config: SpawnerConfig, test: impl AsyncFnOnce(&Bench)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(CEILING, async {
            let bench = Bench::with(config).await;
            test(&bench).await;
            bench.client.shutdown().await;
        })
        .await
        .expect("the test hangs");
    });
}

/// All standard output of a worker, as lines, until it ends.
pub(crate) async fn all_lines(worker: &mut WorkerProcess) -> Vec<String> {
    let mut reader = OutputReader::new(worker.take_stdout().unwrap(), ForwardLimits::default());
    let mut all = Vec::new();
    while let Some(lines) = reader.next().await {
        all.extend(lines.into_iter().map(|line| line.text));
    }
    all
}

/// The first line of a worker, which goes on to run; the reader has to be kept, or the worker cannot write.
pub(crate) async fn first_line(worker: &mut WorkerProcess) -> (String, OutputReader) {
    let mut reader = OutputReader::new(worker.take_stdout().unwrap(), ForwardLimits::default());
    loop {
        let lines = reader.next().await.expect("the worker ended before its first line");
        if let Some(line) = lines.into_iter().next() {
            return (line.text, reader);
        }
    }
}

/// A descriptor's view of a process: it answers whether that very process has ended, whoever reaps it.
pub(crate) struct Watched {
    pid: i32,
    started: Option<String>,
}

impl Watched {
    pub(crate) fn new(pid: i32) -> Self {
        Self { pid, started: start_time(pid) }
    }

    /// Whether it is dead, or dead and unreaped.
    pub(crate) fn is_dead(&self) -> bool {
        let now = start_time(self.pid);
        now.is_none() || now != self.started
    }
}

/// The start time of a living process, which tells it from a later one of the same number.
fn start_time(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    (!matches!(fields[0], "Z" | "X")).then(|| fields[19].to_owned())
}

/// The parent of a living process.
pub(crate) fn parent(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Starts this test program again to run one ignored test alone, as a process that may be killed or inspected.
pub(crate) fn run_alone(test: &str, scratch: &Path) -> Child {
    #[expect(clippy::disallowed_methods, reason = "a test plays a host that is started from outside")]
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env("TMPDIR", scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
