//! One look of `top`: numbers with what changed since the look before, then the workers.

use std::time::Duration;

use plugdock_contracts::health::HealthReport;

use super::paint::Paint;
use super::quantity::rate;
use super::stats::{head, health_lines, quantiles};
use super::table::cut;
use super::workers::workers;
use crate::protocol::StatsDone;

/// The look in lines.
pub(crate) fn top(
    now: &StatsDone,
    before: Option<&StatsDone>,
    health: &HealthReport,
    paint: Paint,
    width: Option<usize>,
) -> Vec<String> {
    let stats = &now.stats;
    let mut lines = vec![head(now, paint)];
    lines.extend(health_lines(health, paint, width));
    let done = stats.succeeded + stats.failed;
    let speed = before.and_then(|before| {
        let past = before.stats.succeeded + before.stats.failed;
        let spent = Duration::from_millis(now.server.uptime_ms.saturating_sub(before.server.uptime_ms));
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let ended = done.saturating_sub(past) as f64;
        (!spent.is_zero()).then(|| format!("  {}/s", rate(ended / spent.as_secs_f64())))
    });
    lines.push(cut(
        &format!(
            "executions  {done} ended ({} failed), {} running, {} waiting{}",
            stats.failed,
            stats.running,
            stats.waiting,
            speed.unwrap_or_default()
        ),
        width,
    ));
    if stats.total.count > 0 {
        lines.push(cut(&format!("total       {}", quantiles(&stats.total)), width));
    }
    if let Some(pool) = &stats.pool {
        let used = pool.utilisation * 100.0;
        let workers = format!("{} idle, {} busy, {} starting", pool.idle, pool.busy, pool.starting);
        let text = format!("pool        {} to {} workers: {workers}, used {used:.0}%", pool.min, pool.max);
        lines.push(cut(&text, width));
    }
    lines.push(String::new());
    lines.extend(workers(&now.workers, paint, width));
    lines
}
