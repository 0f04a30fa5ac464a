//! A server's numbers in a few lines. What is zero and usually is, is left out.

use std::time::Duration;

use plugdock_contracts::health::{HealthLevel, HealthReport};
use plugdock_contracts::stats::{Distribution, PoolStats};

use super::paint::{Paint, printable};
use super::quantity::{bytes, span};
use super::table::cut;
use crate::protocol::StatsDone;

/// The numbers in lines.
pub(crate) fn stats(done: &StatsDone, health: &HealthReport, paint: Paint) -> String {
    let stats = &done.stats;
    let mut lines = vec![head(done, paint)];
    lines.extend(health_lines(health, paint, None));
    let mut say = |name: &str, text: String| {
        lines.push(format!("{} {text}", paint.strong(&format!("{name:<11}"))));
    };
    say(
        "executions",
        format!(
            "{} started, {} succeeded, {} failed, {} running, {} waiting",
            stats.started, stats.succeeded, stats.failed, stats.running, stats.waiting
        ),
    );
    if !stats.failed_by_code.is_empty() {
        let codes: Vec<String> =
            stats.failed_by_code.iter().map(|(code, count)| format!("{} {count}", printable(code))).collect();
        say("failed", codes.join(", "));
    }
    say("workers", format!("{} now, {} spawned, {} crashed", stats.workers, stats.spawned, stats.crashed));
    if let Some(pool) = &stats.pool {
        pool_lines(pool, stats.waiting, &mut say);
    }
    let measures =
        [("total", stats.total), ("queue", stats.queue), ("spawn", stats.spawn), ("run", stats.run)];
    for (name, times) in measures.iter().filter(|(_, times)| times.count > 0) {
        say(name, quantiles(times));
    }
    for (plugin, own) in &stats.by_plugin {
        let times = if own.total.count > 0 { format!("  {}", quantiles(&own.total)) } else { String::new() };
        lines.push(format!(
            "  {}: {} succeeded, {} failed{times}",
            printable(plugin),
            own.succeeded,
            own.failed
        ));
    }
    lines.join("\n")
}

/// Which server, since when.
pub(super) fn head(done: &StatsDone, paint: Paint) -> String {
    let server = &done.server;
    let draining = if server.draining { ", draining" } else { "" };
    let name = paint.strong(done.backend.as_str());
    format!("{name}  process {}, up {}{draining}", server.pid, span(Duration::from_millis(server.uptime_ms)))
}

/// What is wrong; nothing when nothing is.
pub(super) fn health_lines(health: &HealthReport, paint: Paint, width: Option<usize>) -> Vec<String> {
    // The longest word before the text, and a blank.
    let room = width.map(|width| width.saturating_sub("unhealthy ".len()));
    let line = |issue: &plugdock_contracts::health::HealthIssue| {
        let text = cut(&format!("{}: {}", printable(&issue.code), printable(&issue.message)), room);
        match issue.level {
            HealthLevel::Healthy => text,
            HealthLevel::Degraded => format!("{} {text}", paint.warning("degraded")),
            HealthLevel::Unhealthy => format!("{} {text}", paint.error("unhealthy")),
        }
    };
    health.issues.iter().map(line).collect()
}

fn pool_lines(pool: &PoolStats, waiting: u64, say: &mut impl FnMut(&str, String)) {
    say(
        "pool",
        format!(
            "{} to {}: {} starting, {} idle, {} busy, {} draining, used {:.0}%",
            pool.min,
            pool.max,
            pool.starting,
            pool.idle,
            pool.busy,
            pool.draining,
            pool.utilisation * 100.0
        ),
    );
    say(
        "waiting",
        format!(
            "{waiting} of {} requests, {} of {}, {} refused",
            pool.queue_limit,
            bytes(pool.queued_bytes),
            bytes(pool.queued_bytes_limit),
            pool.queue_full
        ),
    );
    if !pool.recycled.is_empty() {
        let reasons: Vec<String> =
            pool.recycled.iter().map(|(why, count)| format!("{} {count}", printable(why))).collect();
        say("recycled", reasons.join(", "));
    }
    let odd = [
        (pool.start_failed, "starts failed"),
        (pool.health_failed, "health checks failed"),
        (pool.redispatched, "calls taken back"),
        (pool.retried, "calls retried"),
    ];
    let odd: Vec<String> =
        odd.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !odd.is_empty() {
        say("trouble", odd.join(", "));
    }
    if !pool.quarantined.is_empty() {
        say("quarantine", printable(&pool.quarantined.join(", ")).into_owned());
    }
}

pub(super) fn quantiles(times: &Distribution) -> String {
    let parts = [("p50", times.p50), ("p95", times.p95), ("p99", times.p99), ("max", times.max)]
        .map(|(name, micros)| format!("{name} {:<7}", span(Duration::from_micros(micros))));
    parts.join("  ").trim_end().to_owned()
}
