//! What a request costs while others wait: the same calls go through a pool with ten, a thousand and a hundred thousand
//! requests waiting behind them. The cost must not grow with their number.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugdock_contracts::backend::{ExecutionBackendExt as _, Shutdown};
use plugdock_contracts::request::Priority;
use plugdock_contracts::{BackendKind, ExecutionBackend};
use plugdock_execution_factory::create_execution_backend;
use plugdock_execution_factory::platform::Platform;

use crate::backend::{config, small};
use crate::registry;
use crate::sample::{Rounds, quantile};

/// Numbers of requests that wait.
const WAITING: [usize; 3] = [10, 1_000, 100_000];

/// Requests that are timed, in one round.
const TIMED: usize = 1_000;

/// Measures and renders.
pub(crate) async fn measure(rounds: usize, quick: bool) -> String {
    let mut table = Rounds::default();
    let only: Option<usize> = std::env::var("PLUGDOCK_BENCH_WAITING").ok().and_then(|n| n.parse().ok());
    for _ in 0..rounds {
        for waiting in WAITING.into_iter().filter(|waiting| !quick || *waiting < 100_000) {
            if only.is_some_and(|only| only != waiting) {
                continue;
            }
            table.add(name(waiting), one(waiting).await);
        }
    }
    render(&table)
}

fn name(waiting: usize) -> String {
    format!("{waiting} waiting")
}

/// Microseconds for one request that goes before all that wait, the median of a thousand.
async fn one(waiting: usize) -> f64 {
    let (mut config, _root) = config(BackendKind::WorkerPool);
    (config.pool.min, config.pool.max, config.pool.depth) = (1, 1, 1);
    config.pool.queue_bytes = plugdock_contracts::ByteSize::from_bytes(1 << 40);
    // Nobody grows old here: what waits is to go on waiting.
    config.pool.age_after = Duration::from_hours(1);
    let platform = Arc::new(Platform::builder().build());
    let made = create_execution_backend(config, registry(), platform).await;
    let backend: Arc<dyn ExecutionBackend> = made.expect("the backend starts");
    let warm = backend.execute(small("echo")).await;
    assert!(warm.is_ok(), "{:?}", warm.error());
    let mut behind = Vec::with_capacity(waiting);
    for _ in 0..waiting {
        let mut request = small("echo");
        request.priority = Priority::Low;
        behind.push(backend.start(request));
        // They are taken in as they come, so that the timed ones do not pay for it; some run meanwhile.
        tokio::task::yield_now().await;
    }
    let top_up = |n: usize| {
        (0..n).map(|_| {
            let mut request = small("echo");
            request.priority = Priority::Low;
            backend.start(request)
        })
    };
    let missing = waiting.saturating_sub(usize::try_from(backend.stats().waiting).unwrap_or(0));
    behind.extend(top_up(missing + waiting / 10 + 8));
    while usize::try_from(backend.stats().waiting).unwrap_or(0) < waiting {
        behind.extend(top_up(waiting / 10 + 8));
        tokio::task::yield_now().await;
    }
    let mut times = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        let mut request = small("echo");
        request.priority = Priority::High;
        let start = Instant::now();
        let outcome = backend.execute(request).await;
        times.push(start.elapsed());
        assert!(outcome.is_ok(), "{:?}", outcome.error());
        // The worker was handed to one that waits before this call was told its end: another takes its place.
        behind.extend(top_up(1));
    }
    drop(behind);
    backend.shutdown(Shutdown::Now).await;
    quantile(&mut times, 0.5)
}

fn render(table: &Rounds) -> String {
    let mut text = String::from(
        "| requests that wait | p50 µs of one that goes first (low–high) | against the first row |\n|---|---|---|\n",
    );
    let first =
        table.names().first().and_then(|name| table.spread(name)).map_or(f64::NAN, |(_, median, _)| median);
    for name in table.names() {
        let Some((low, median, high)) = table.spread(name) else { continue };
        // Writing to a string cannot fail.
        let _written =
            writeln!(text, "| {name} | {median:.1} ({low:.1}–{high:.1}) | {:.2} |", median / first);
    }
    text
}
