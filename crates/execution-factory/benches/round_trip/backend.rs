//! One backend as it is measured: through the public `execute`, with permissions, deadlines, statistics and workspaces.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::backend::{ExecutionBackendExt as _, Shutdown};
use plugdock_contracts::{BackendKind, ExecutionBackend, ExecutionRequest, Payload};
use plugdock_execution_factory::platform::Platform;
use plugdock_execution_factory::{BackendConfig, create_execution_backend};
use tokio::task::JoinSet;

use crate::sample::{Rounds, quantile};
use crate::{PLUGIN, registry};

/// Bytes of a large input, for the floor's too.
const LARGE: usize = 1 << 20;

/// A backend under measurement.
pub(crate) struct Bench {
    backend: Arc<dyn ExecutionBackend>,
    kind: BackendKind,
    _root: tempfile::TempDir,
}

/// A request of 200 bytes of JSON.
pub(crate) fn small(handler: &str) -> ExecutionRequest {
    let text = "x".repeat(186);
    request(handler, &Payload::json(&serde_json::json!({ "message": text })).expect("text has a JSON form"))
}

fn request(handler: &str, input: &Payload) -> ExecutionRequest {
    ExecutionRequest::new(PLUGIN, handler).expect("the ids are valid").with_payload(input.clone())
}

/// The configuration of a measured backend, with its files in memory where the machine has such a directory.
pub(crate) fn config(kind: BackendKind) -> (BackendConfig, tempfile::TempDir) {
    let in_memory = std::path::Path::new("/dev/shm");
    let root = if in_memory.is_dir() { tempfile::tempdir_in(in_memory) } else { tempfile::tempdir() };
    let root = root.expect("a directory can be made");
    let mut config = BackendConfig::new(kind);
    config.workspace_root = root.path().join("workspaces");
    config.max_concurrent = 2;
    config.max_waiting = 1 << 20;
    (config.pool.min, config.pool.max, config.pool.queue) = (2, 2, 1 << 20);
    config.pool.recycle_calls = None;
    config.pool.depth = 32;
    config.timeouts.acquire = Some(Duration::from_mins(5));
    (config, root)
}

impl Bench {
    pub(crate) async fn new(kind: BackendKind) -> Self {
        let (config, root) = config(kind);
        let platform = Arc::new(Platform::builder().build());
        let made = create_execution_backend(config, registry(), platform).await;
        Self { backend: made.expect("the backend starts"), kind, _root: root }
    }

    pub(crate) async fn measure(&self, table: &mut Rounds) {
        // A fresh process for each takes a thousand times as long as a call within one.
        let n = if self.kind == BackendKind::Subprocess { 60 } else { 2_000 };
        let kind = self.kind;
        let mut times = self.one_by_one(&small("echo"), n).await;
        table.add(format!("{kind}: 200 B, p50 µs"), quantile(&mut times, 0.5));
        table.add(format!("{kind}: 200 B, p99 µs"), quantile(&mut times, 0.99));
        let large = Payload::new(vec![b'x'; LARGE], "application/octet-stream");
        let mut times = self.one_by_one(&request("echo", &large), n / 40 + 5).await;
        table.add(format!("{kind}: 1 MiB, p50 µs"), quantile(&mut times, 0.5));
        for callers in [1, 8, 64] {
            let rate = self.many(callers, n, "echo").await;
            table.add(format!("{kind}: {callers} callers /s"), rate);
        }
        if kind == BackendKind::WorkerPool {
            let rate = self.many(64, n, "together").await;
            table.add(format!("{kind}: 64 callers, concurrent handler /s"), rate);
        }
    }

    async fn one_by_one(&self, request: &ExecutionRequest, n: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(n);
        for turn in 0..n + n / 10 {
            let mut request = request.clone();
            request.execution_id = plugdock_contracts::ExecutionId::generate();
            let start = Instant::now();
            let outcome = self.backend.execute(request).await;
            if turn >= n / 10 {
                times.push(start.elapsed());
            }
            assert!(outcome.is_ok(), "{:?}", outcome.error());
        }
        times
    }

    async fn many(&self, callers: usize, n: usize, handler: &'static str) -> f64 {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let backend = Arc::clone(&self.backend);
            tasks.spawn(async move {
                for _ in 0..n.div_ceil(callers) {
                    let outcome = backend.execute(small(handler)).await;
                    assert!(outcome.is_ok(), "{:?}", outcome.error());
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("a caller ends");
        }
        #[expect(clippy::cast_precision_loss, reason = "some thousand")]
        let n = (n.div_ceil(callers) * callers) as f64;
        n / start.elapsed().as_secs_f64()
    }

    pub(crate) async fn end(self) {
        self.backend.shutdown(Shutdown::Now).await;
    }
}
