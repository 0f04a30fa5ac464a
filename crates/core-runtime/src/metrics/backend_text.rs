//! What of a backend is told to monitoring: the families, their names and labels.
//! It tells no ids of executions and workers: each would be a series of its own that is never heard of again.

use std::collections::{BTreeMap, BTreeSet};

use plugdock_contracts::BackendKind;
use plugdock_contracts::stats::{BackendStats, PluginStats, PoolStats};
use plugdock_contracts::worker::{WorkerState, WorkerStatus};

use super::exposition::{Exposition, Family};

/// A backend's numbers as `OpenMetrics` 1.0 text.
///
/// The arguments are what one backend's `stats()`, `workers()` and `kind()` answer.
///
/// Counts of errors are told apart by `code`; a plugin's numbers are families of their own (`plugdock_plugin_…`), so that
/// a sum over a family counts nothing twice. Quantiles are of the time since the backend was made. What only a worker
/// pool has is left out where there is none.
///
/// ```
/// use plugdock_contracts::BackendKind;
/// use plugdock_contracts::stats::BackendStats;
///
/// let text = plugdock_core_runtime::metrics::openmetrics(&BackendStats::default(), &[], BackendKind::Subprocess);
/// assert!(text.contains("plugdock_executions_started_total 0\n"));
/// assert!(text.ends_with("# EOF\n"));
/// ```
pub fn openmetrics(stats: &BackendStats, workers: &[WorkerStatus], kind: BackendKind) -> String {
    let mut text = Exposition::default();
    text.family(Family::info("plugdock_backend", "What runs executions."), |samples| {
        samples.count(&[("kind", kind.as_str())], 1);
    });
    executions(&mut text, stats);
    times(&mut text, stats);
    plugin_executions(&mut text, &stats.by_plugin);
    plugin_times(&mut text, &stats.by_plugin);
    processes(&mut text, stats);
    if let Some(pool) = &stats.pool {
        pool_workers(&mut text, pool);
        pool_queue(&mut text, pool);
        pool_faults(&mut text, pool);
    }
    plugin_workers(&mut text, workers);
    text.finish()
}

fn executions(text: &mut Exposition, stats: &BackendStats) {
    let started = Family::counter(
        "plugdock_executions_started",
        "Executions that were started, refused ones included.",
    );
    text.count(started, stats.started);
    let succeeded = Family::counter("plugdock_executions_succeeded", "Executions that ended with a result.");
    text.count(succeeded, stats.succeeded);
    let failed =
        Family::counter("plugdock_executions_failed", "Executions that ended with an error, by its code.");
    text.family(failed, |samples| {
        for (code, count) in &stats.failed_by_code {
            samples.count(&[("code", code)], *count);
        }
    });
    let abandoned = "Executions in the host's process that did not stop when asked.";
    text.count(Family::counter("plugdock_executions_abandoned", abandoned), stats.abandoned);
    text.count(Family::gauge("plugdock_executions_running", "Executions that run now."), stats.running);
    text.count(Family::gauge("plugdock_queue_length", "Executions that wait now."), stats.waiting);
}

const QUEUE: &str = "Time executions waited for a worker or a slot.";
const SPAWN: &str = "Time to start a worker process until it was ready for calls.";
const RUN: &str = "Run time of executions that reached their handler.";
const TOTAL: &str = "Time from admission to outcome.";

fn times(text: &mut Exposition, stats: &BackendStats) {
    for (name, help, times) in [
        ("plugdock_queue_seconds", QUEUE, &stats.queue),
        ("plugdock_spawn_seconds", SPAWN, &stats.spawn),
        ("plugdock_run_seconds", RUN, &stats.run),
        ("plugdock_execution_seconds", TOTAL, &stats.total),
    ] {
        text.family(Family::seconds(name, help), |samples| samples.distribution(&[], times));
    }
}

fn plugin_executions(text: &mut Exposition, plugins: &BTreeMap<String, PluginStats>) {
    let succeeded = "Executions of a plugin that ended with a result.";
    text.family(Family::counter("plugdock_plugin_executions_succeeded", succeeded), |samples| {
        for (plugin, stats) in plugins {
            samples.count(&[("plugin", plugin)], stats.succeeded);
        }
    });
    let failed = "Executions of a plugin that ended with an error, by its code.";
    text.family(Family::counter("plugdock_plugin_executions_failed", failed), |samples| {
        for (plugin, stats) in plugins {
            for (code, count) in &stats.failed_by_code {
                samples.count(&[("plugin", plugin), ("code", code)], *count);
            }
        }
    });
}

fn plugin_times(text: &mut Exposition, plugins: &BTreeMap<String, PluginStats>) {
    let mut family = |name, help, times: fn(&PluginStats) -> &_| {
        text.family(Family::seconds(name, help), |samples| {
            for (plugin, stats) in plugins {
                samples.distribution(&[("plugin", plugin)], times(stats));
            }
        });
    };
    family("plugdock_plugin_queue_seconds", QUEUE, |stats| &stats.queue);
    family("plugdock_plugin_spawn_seconds", SPAWN, |stats| &stats.spawn);
    family("plugdock_plugin_run_seconds", RUN, |stats| &stats.run);
    family("plugdock_plugin_execution_seconds", TOTAL, |stats| &stats.total);
}

fn processes(text: &mut Exposition, stats: &BackendStats) {
    text.count(Family::gauge("plugdock_workers", "Worker processes that live now."), stats.workers);
    text.count(Family::counter("plugdock_workers_spawned", "Worker processes started."), stats.spawned);
    let crashed = Family::counter("plugdock_workers_crashed", "Worker processes that died unexpectedly.");
    text.count(crashed, stats.crashed);
}

fn pool_workers(text: &mut Exposition, pool: &PoolStats) {
    text.family(Family::gauge("plugdock_pool_workers", "Workers of the pool, by state."), |samples| {
        for (state, count) in [
            (WorkerState::Starting, pool.starting),
            (WorkerState::Idle, pool.idle),
            (WorkerState::Busy, pool.busy),
            (WorkerState::Draining, pool.draining),
        ] {
            samples.count(&[("state", state.as_str())], count);
        }
    });
    text.count(Family::gauge("plugdock_pool_workers_min", "Workers that the pool keeps."), pool.min);
    text.count(Family::gauge("plugdock_pool_workers_max", "Workers that the pool has at most."), pool.max);
    let utilisation = "Share of the time that workers were ready in which they had a call.";
    text.family(Family::gauge("plugdock_pool_utilisation_ratio", utilisation).unit("ratio"), |samples| {
        samples.number(&[], pool.utilisation);
    });
    let recycled = "Workers that were replaced or sent away on purpose, by reason.";
    text.family(Family::counter("plugdock_workers_recycled", recycled), |samples| {
        for (reason, count) in &pool.recycled {
            samples.count(&[("reason", reason)], *count);
        }
    });
}

fn pool_queue(text: &mut Exposition, pool: &PoolStats) {
    text.count(Family::gauge("plugdock_queue_limit", "Requests that may wait."), pool.queue_limit);
    let bytes = Family::gauge("plugdock_queue_bytes", "Input that waits now.").unit("bytes");
    text.count(bytes, pool.queued_bytes);
    let limit = Family::gauge("plugdock_queue_limit_bytes", "Input that may wait.").unit("bytes");
    text.count(limit, pool.queued_bytes_limit);
    let full = "Requests refused because the queue, or a plugin's or a tenant's part of it, was full.";
    text.count(Family::counter("plugdock_queue_full", full), pool.queue_full);
}

fn pool_faults(text: &mut Exposition, pool: &PoolStats) {
    for (name, help, count) in [
        ("plugdock_workers_health_failed", "Workers that did not answer a health check.", pool.health_failed),
        (
            "plugdock_workers_start_failed",
            "Starts that failed before the worker was ready.",
            pool.start_failed,
        ),
        (
            "plugdock_calls_redispatched",
            "Calls taken back from a worker that died before it started them.",
            pool.redispatched,
        ),
        (
            "plugdock_calls_retried",
            "Calls started once more because their handler is idempotent.",
            pool.retried,
        ),
    ] {
        text.count(Family::counter(name, help), count);
    }
    text.family(
        Family::gauge("plugdock_plugin_quarantined", "Plugins that are quarantined now: 1 for each."),
        |samples| {
            // A set, because the same labels twice would make the whole text invalid.
            for plugin in pool.quarantined.iter().collect::<BTreeSet<_>>() {
                samples.count(&[("plugin", plugin)], 1);
            }
        },
    );
}

/// States of a worker that lives.
const LIVING: [WorkerState; 4] =
    [WorkerState::Starting, WorkerState::Idle, WorkerState::Busy, WorkerState::Draining];

fn plugin_workers(text: &mut Exposition, workers: &[WorkerStatus]) {
    let mut by_plugin: BTreeMap<&str, Vec<&WorkerStatus>> = BTreeMap::new();
    for worker in workers {
        by_plugin.entry(worker.plugin.as_str()).or_default().push(worker);
    }
    text.family(Family::gauge("plugdock_plugin_workers", "Workers of a plugin, by state."), |samples| {
        for (plugin, workers) in &by_plugin {
            for state in LIVING {
                let count = workers.iter().filter(|worker| worker.state == state).count();
                samples.count(&[("plugin", plugin), ("state", state.as_str())], number(count));
            }
        }
    });
    text.family(
        Family::gauge("plugdock_plugin_calls_running", "Calls that a plugin's workers run."),
        |samples| {
            for (plugin, workers) in &by_plugin {
                let running = workers.iter().map(|worker| worker.running).sum();
                samples.count(&[("plugin", plugin)], number(running));
            }
        },
    );
    let resident = "Resident memory of a plugin's workers together, as last read.";
    let resident = Family::gauge("plugdock_plugin_workers_resident_bytes", resident).unit("bytes");
    text.family(resident, |samples| {
        for (plugin, workers) in &by_plugin {
            let known: Vec<u64> = workers.iter().filter_map(|worker| worker.resident_bytes).collect();
            // Memory that nobody read is not zero.
            if !known.is_empty() {
                samples.count(&[("plugin", plugin)], known.iter().sum());
            }
        }
    });
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
