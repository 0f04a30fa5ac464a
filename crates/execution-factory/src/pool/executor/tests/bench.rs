//! A spawner whose workers are tasks of the test: each serves a plugin, or only introduces itself, until it is killed.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plugdock_contracts::error::KillReason;
use plugdock_contracts::{BoxFuture, Limits, PluginId, WorkerId};
use plugdock_ipc::CodecKind;
use plugdock_ipc::frame::Hello;
use plugdock_ipc::handshake::introduce;
use plugdock_plugin_runtime::Plugin;
use plugdock_plugin_runtime::plugin::BuiltPlugin;
use plugdock_plugin_runtime::worker::{ServeConfig, serve};
use plugdock_sandbox::Receipt;
use serde_json::{Value, json};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::super::{PoolWorker, StartError, StartOrder, StartWorker as _, Starter};
use crate::plugin::{PluginSource, ResolvedPlugin};
use crate::process::{
    ExitCause, ExitReport, Spawn, SpawnError, SpawnSpec, WorkerControl, WorkerParts, WorkerProcess,
    WorkerSignal,
};
use crate::worker::WorkerDefaults;
use crate::worker::bench::BenchedJob;
use crate::workspace::LocalWorkspaceManager;

/// Longer means hung.
const CEILING: Duration = Duration::from_secs(30);

pub(super) const KILLED: ExitCause = ExitCause::Signal { signal: libc::SIGKILL, core_dumped: false };

/// Bounds a wait.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(CEILING, future).await.expect("it ends")
}

/// What a worker of the bench does.
pub(super) enum Behaviour {
    /// It serves the plugin.
    Serve(Arc<BuiltPlugin>),
    /// It introduces itself as `acme/x`, and then reads and writes nothing.
    Mute,
    /// It introduces itself, and closes its channel.
    Close,
    /// Its start fails.
    Fail(Box<dyn Fn() -> SpawnError + Send + Sync>),
}

/// The other side of a worker.
#[derive(Clone, Debug)]
pub(super) struct FakeProcess {
    pub(super) stderr: Arc<std::fs::File>,
    /// A second descriptor of its channel, as a descendant would have it. It goes with the process unless it was taken.
    pub(super) channel: Arc<Mutex<Option<UnixStream>>>,
    exit: Arc<watch::Sender<Option<ExitReport>>>,
    task: AbortHandle,
}

impl FakeProcess {
    /// It ends, and with it whatever only it held.
    pub(super) fn end(&self, cause: ExitCause) {
        self.task.abort();
        drop(self.channel.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.exit.send_if_modified(|exit| {
            let first = exit.is_none();
            exit.get_or_insert(ExitReport::new(cause, None));
            first
        });
    }

    pub(super) fn print(&self, text: &str) {
        (&*self.stderr).write_all(text.as_bytes()).unwrap();
    }
}

impl WorkerControl for FakeProcess {
    fn signal(&self, _signal: WorkerSignal) {}

    fn kill(&self) {
        self.end(KILLED);
    }
}

pub(super) struct FakeSpawner {
    behaviour: Behaviour,
    tasks: Mutex<JoinSet<()>>,
    made: Mutex<Vec<FakeProcess>>,
    /// A file that somebody changes while a worker is started.
    pub(super) touched: Mutex<Option<std::path::PathBuf>>,
}

impl FakeSpawner {
    fn make(&self) -> Result<WorkerProcess, SpawnError> {
        if let Behaviour::Fail(error) = &self.behaviour {
            return Err(error());
        }
        if let Some(path) = &*self.touched.lock().unwrap_or_else(PoisonError::into_inner) {
            std::fs::write(path, "another program").unwrap();
        }
        let (channel, theirs) = UnixStream::pair().unwrap();
        channel.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let second = theirs.try_clone().unwrap();
        let (_stdout, out) = pipe::pipe().unwrap();
        let (stderr, err) = pipe::pipe().unwrap();
        let task = self.run(theirs);
        let (exit, exited) = watch::channel(None);
        let process = FakeProcess {
            stderr: Arc::new(stderr.into_blocking_fd().unwrap().into()),
            channel: Arc::new(Mutex::new(Some(second))),
            exit: Arc::new(exit),
            task,
        };
        self.made.lock().unwrap().push(process.clone());
        Ok(WorkerProcess::from_parts(WorkerParts {
            id: 1,
            // Numbers are measured of the test itself.
            pid: i32::try_from(std::process::id()).unwrap(),
            channel,
            stdout: out,
            stderr: err,
            receipt: receipt(),
            control: Box::new(process),
            exit: exited,
        }))
    }

    fn run(&self, channel: UnixStream) -> AbortHandle {
        let mut tasks = self.tasks.lock().unwrap();
        // These halves close nothing but their descriptor, as the end of a process does.
        let (reader, writer) = tokio::io::split(tokio::net::UnixStream::from_std(channel).unwrap());
        let hello = || Hello {
            plugin_id: "acme/x".to_owned(),
            plugin_version: "1.0.0".to_owned(),
            ..Hello::default()
        };
        match &self.behaviour {
            Behaviour::Serve(plugin) => {
                let config = ServeConfig::new(tokio::runtime::Handle::current());
                let serving = serve(reader, writer, Arc::clone(plugin), config);
                tasks.spawn(async move { drop(serving.await) })
            }
            Behaviour::Mute => tasks.spawn(async move {
                let session = introduce(reader, writer, CodecKind::Bincode, hello(), CEILING).await;
                std::future::pending::<()>().await;
                drop(session);
            }),
            Behaviour::Close => tasks.spawn(async move {
                drop(introduce(reader, writer, CodecKind::Bincode, hello(), CEILING).await.unwrap());
            }),
            Behaviour::Fail(_) => unreachable!("nothing runs"),
        }
    }
}

impl Spawn for FakeSpawner {
    fn spawn(&self, _spec: SpawnSpec) -> BoxFuture<'_, Result<WorkerProcess, SpawnError>> {
        Box::pin(std::future::ready(self.make()))
    }
}

pub(super) struct Bench {
    pub(super) root: tempfile::TempDir,
    pub(super) spawner: Arc<FakeSpawner>,
    pub(super) plugin: Arc<ResolvedPlugin>,
    pub(super) limits: Limits,
    starter: Starter,
}

/// A plugin `acme/x` with a program that nobody runs: the bench's workers behave as they are told.
pub(super) fn bench(behaviour: Behaviour) -> Bench {
    let root = tempfile::tempdir().unwrap();
    let plugin_root = root.path().join("plugin");
    std::fs::create_dir_all(plugin_root.join("bin")).unwrap();
    let manifest = "manifest_version = 1\nid = \"acme/x\"\nversion = \"1.0.0\"\nentry = \"bin/x\"\n";
    std::fs::write(plugin_root.join("plugin.toml"), manifest).unwrap();
    std::fs::write(plugin_root.join("bin/x"), "a program").unwrap();
    let id = PluginId::new("acme/x").unwrap();
    let plugin = Arc::new(PluginSource::default().find(Some(&id), Some(&plugin_root)).unwrap());
    let spawner = Arc::new(FakeSpawner {
        behaviour,
        tasks: Mutex::default(),
        made: Mutex::default(),
        touched: Mutex::default(),
    });
    let defaults = WorkerDefaults::plain(CEILING);
    let workspaces = Arc::new(LocalWorkspaceManager::open(&root.path().join("workspaces")).unwrap());
    let starter = Starter::new(Arc::clone(&spawner) as _, Arc::new(defaults), workspaces);
    Bench { root, spawner, plugin, limits: Limits::default(), starter }
}

pub(super) fn serving(plugin: Plugin) -> Bench {
    bench(Behaviour::Serve(Arc::new(plugin.build().unwrap())))
}

impl Bench {
    pub(super) async fn try_start(&self) -> Result<Arc<dyn PoolWorker>, StartError> {
        let order = StartOrder {
            plugin: Arc::clone(&self.plugin),
            limits: self.limits.clone(),
            permissions: self.plugin.manifest.permissions.clone(),
            max_payload: 1 << 20,
            existing: None,
            area: "lane-0".to_owned(),
        };
        soon(self.starter.start(WorkerId::generate(), Arc::new(order))).await
    }

    pub(super) async fn start(&self) -> (Arc<dyn PoolWorker>, FakeProcess) {
        let worker = self.try_start().await.unwrap();
        let process = self.spawner.made.lock().unwrap().last().unwrap().clone();
        (worker, process)
    }

    pub(super) fn job(&self, handler: &str, input: &Value) -> BenchedJob {
        BenchedJob::of(Arc::clone(&self.plugin), handler, input)
    }

    /// Directories of leases that are there now.
    pub(super) fn leases(&self) -> usize {
        let hosts = std::fs::read_dir(self.root.path().join("workspaces")).unwrap();
        hosts.flatten().map(|host| entries(&host.path().join("leases"))).sum()
    }

    /// Sends a worker away and waits until nothing of it is left.
    pub(super) async fn end(&self, worker: Arc<dyn PoolWorker>) {
        worker.kill(KillReason::Shutdown);
        soon(worker.ended()).await;
        drop(worker);
        assert_eq!(self.leases(), 0);
    }
}

/// What no process found of itself. One that is read of the test would change while other tests open files.
fn receipt() -> Receipt {
    serde_json::from_value(json!({
        "pid": 1, "process_group": 1, "session": 1, "uid": 0, "no_new_privs": true, "seccomp": 0,
        "signals_blocked": 0, "signals_ignored": 0, "umask": 0, "rlimits": [], "descriptors": [],
        "death_signal": null, "dumpable": true, "oom_score_adj": 0, "walls": null, "answers": null,
        "capabilities": { "inheritable": 0, "permitted": 0, "effective": 0, "bounding": 0, "ambient": 0 },
    }))
    .unwrap()
}

fn entries(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}
