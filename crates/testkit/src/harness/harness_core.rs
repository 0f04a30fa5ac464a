//! One backend with everything around it, and the calls that behaviours are written with.
//! The backend is made at its first use, so that a behaviour can change its configuration before.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::permission::{Grant, Permissions};
use plugdock_contracts::{
    ErrorCode, Execution, ExecutionBackend, ExecutionError, ExecutionEvent, ExecutionRequest, Outcome,
    Shutdown,
};
use plugdock_execution_factory::{BackendConfig, LocalWorkspaceManager};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::leak::wait_until_empty;
use super::platform::Services;
use super::subject::Subject;
use super::taken::Taken;
use super::wait::within_ceiling;
use crate::plugin::CONFORMANCE;

/// Between the request to stop and the kill in tests: a thread that is busy elsewhere is not taken for a deaf handler.
const GRACE: Duration = Duration::from_secs(2);

/// One backend under test.
#[derive(Debug)]
pub struct Harness {
    pub(super) subject: Subject,
    pub(super) config: BackendConfig,
    root: PathBuf,
    services: Services,
    backend: OnceCell<Backend>,
    left: Left,
    not_applicable: Option<&'static str>,
}

/// What a behaviour leaves in the directory of workspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// What the next start removes.
    ForNextStart,
    /// What the request asked to keep.
    Kept,
}

struct Backend(Arc<dyn ExecutionBackend>);

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Backend").field(&self.0.kind()).finish()
    }
}

impl Harness {
    pub(crate) fn new(subject: Subject, root: &Path) -> Self {
        let plugins = root.join("plugins");
        subject.install(&plugins);
        let mut config = subject.config.clone();
        config.plugin_dirs = vec![plugins];
        config.workspace_root = root.join("workspaces");
        config.timeouts.grace = Some(GRACE);
        let services = Services::new(&root.join("storage"));
        Self {
            subject,
            config,
            root: root.to_owned(),
            services,
            backend: OnceCell::new(),
            left: Left::Nothing,
            not_applicable: None,
        }
    }

    /// Changes the configuration of the backend, before its first use.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut BackendConfig)) {
        assert!(self.backend.get().is_none(), "the backend was made already");
        change(&mut self.config);
    }

    /// So many executions run at a time, whatever the backend calls it. Before its first use.
    pub(crate) fn run_at_a_time(&mut self, n: usize) {
        self.configure(|config| {
            config.max_concurrent = n;
            (config.pool.min, config.pool.max) = (config.pool.min.min(n), n);
        });
    }

    /// So many wait at a time, whatever the backend calls it. Before its first use.
    pub(crate) fn wait_at_a_time(&mut self, n: usize) {
        self.configure(|config| (config.max_waiting, config.pool.queue) = (n, n));
    }

    /// The behaviour has no meaning for this backend, for that reason.
    pub(crate) fn not_applicable(&mut self, reason: &'static str) {
        self.not_applicable = Some(reason);
    }

    /// Why the behaviour had no meaning, if it had none.
    pub(crate) fn why_not_applicable(&self) -> Option<&'static str> {
        self.not_applicable
    }

    /// The behaviour keeps a workspace, as it asked for.
    pub(crate) fn keeps_workspaces(&mut self) {
        self.left = Left::Kept;
    }

    /// The behaviour leaves a handler behind, whose workspace is the next start's to remove.
    pub(crate) fn abandons(&mut self) {
        self.left = Left::ForNextStart;
    }

    /// The backend.
    pub(crate) async fn backend(&self) -> &Arc<dyn ExecutionBackend> {
        let make = || async {
            let platform = Arc::clone(&self.services.platform);
            Backend(self.subject.make(self.config.clone(), platform).await.unwrap_or_else(|error| {
                panic!("the backend was not made: {error}, because {:?}", error.chain());
            }))
        };
        &self.backend.get_or_init(make).await.0
    }

    /// The host's services.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// A directory of the test's own.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the backend makes workspaces.
    pub(crate) fn workspaces(&self) -> &Path {
        &self.config.workspace_root
    }

    /// Whether handlers run in processes of their own: what they print is caught, they can be killed, and what they use is measured.
    pub(crate) fn in_processes(&self) -> bool {
        self.subject.in_processes
    }

    /// Whether a process serves one execution after the other, so that what is a worker's is not an execution's.
    pub(crate) fn keeps_workers(&self) -> bool {
        self.subject.keeps_workers()
    }

    /// A request with an input.
    #[expect(clippy::unused_self, reason = "it reads as its siblings do")]
    pub(crate) fn request<I: Serialize + ?Sized>(&self, handler: &str, input: &I) -> ExecutionRequest {
        ExecutionRequest::new(CONFORMANCE, handler).unwrap().with_input(input).unwrap()
    }

    /// A request with these grants and no others.
    pub(crate) fn request_with<I: Serialize + ?Sized>(
        &self,
        handler: &str,
        input: &I,
        grants: Vec<Grant>,
    ) -> ExecutionRequest {
        let mut request = self.request(handler, input);
        request.descriptor.permissions = Some(Permissions::from_grants(grants).unwrap());
        request
    }

    /// Starts.
    pub(crate) async fn start(&self, request: ExecutionRequest) -> Execution {
        self.backend().await.start(request)
    }

    /// Starts and takes everything that comes.
    pub(crate) async fn take(&self, request: ExecutionRequest) -> Taken {
        self.take_rest(self.start(request).await, Vec::new()).await
    }

    /// Takes what still comes.
    pub(crate) async fn take_rest(&self, mut execution: Execution, mut events: Vec<ExecutionEvent>) -> Taken {
        within_ceiling("the end of the execution", async {
            while let Some(event) = execution.next_event().await {
                events.push(event);
            }
            Taken::new(events, execution.wait().await)
        })
        .await
    }

    /// Runs a request to its outcome.
    pub(crate) async fn outcome(&self, request: ExecutionRequest) -> Outcome {
        self.take(request).await.outcome
    }

    /// Calls a handler that must answer.
    pub(crate) async fn value<O: DeserializeOwned>(
        &self,
        handler: &str,
        input: &(impl Serialize + ?Sized),
    ) -> O {
        let outcome = self.outcome(self.request(handler, input)).await;
        outcome.into_value().unwrap_or_else(|error| panic!("`{handler}` failed: {error:?}"))
    }

    /// Calls a handler that must fail.
    pub(crate) async fn error(&self, request: ExecutionRequest) -> ExecutionError {
        let handler = request.handler_ref();
        self.outcome(request).await.result.expect_err(&format!("`{handler}` must fail"))
    }

    /// Takes events until a log line of that text, which is the last.
    pub(crate) async fn until_log(&self, execution: &mut Execution, text: &str) -> Vec<ExecutionEvent> {
        let mut events = Vec::new();
        within_ceiling(&format!("the log line `{text}`"), async {
            while let Some(event) = execution.next_event().await {
                let found = matches!(&event, ExecutionEvent::Log(line) if line.message == text);
                events.push(event);
                if found {
                    return;
                }
            }
            panic!("the execution ended without the log line `{text}`: {events:?}");
        })
        .await;
        events
    }

    /// Starts a handler that says when it is ready, and waits until it is.
    pub(crate) async fn ready(&self, request: ExecutionRequest) -> Execution {
        let mut execution = self.start(request).await;
        self.until_log(&mut execution, "ready").await;
        execution
    }

    /// Starts a handler that waits at a gate of that name.
    pub(crate) async fn gated(&self, gate: &str) -> Execution {
        self.ready(self.request("gated", gate)).await
    }

    /// Opens a gate that somebody waits at.
    pub(crate) async fn open(&self, gate: &str) {
        assert_eq!(self.services.publish(gate, "open").await, 1, "one handler waits at `{gate}`");
    }

    /// Waits until the backend takes nothing more.
    pub(crate) async fn until_stopping(&self) {
        let backend = self.backend().await;
        within_ceiling("the backend to refuse", async {
            loop {
                let outcome = backend.start(self.request("echo", &1)).wait().await;
                if outcome.error().is_some_and(|error| *error.code() == ErrorCode::ShuttingDown) {
                    return;
                }
                // A backend that answers at once must not keep the ceiling from being reached.
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Ends the backend, if it was used, and checks its own numbers.
    pub(crate) async fn finish(&mut self) {
        let Some(Backend(backend)) = self.backend.take() else { return };
        let shutdown = backend.shutdown(Shutdown::Drain(Duration::from_secs(20)));
        within_ceiling("the shutdown", shutdown).await;
        let stats = backend.stats();
        assert_eq!(
            (stats.running, stats.waiting, stats.workers),
            (0, 0, 0),
            "something still runs: {stats:?}"
        );
        assert_eq!(stats.started, stats.succeeded + stats.failed, "every execution ended once: {stats:?}");
    }

    /// Checks that no workspace is left. Call it when the backend and its runtime are gone.
    pub(crate) fn check_workspaces(&self) {
        match self.left {
            Left::Nothing => wait_until_empty(self.workspaces()),
            Left::ForNextStart => {
                drop(LocalWorkspaceManager::open(self.workspaces()).unwrap());
                wait_until_empty(self.workspaces());
            }
            Left::Kept => {}
        }
    }
}

/// The code of an error, for comparisons that show it.
pub(crate) fn code(error: &ExecutionError) -> ErrorCode {
    error.code().clone()
}
