//! The summary of many executions. Times are shown where there are any, and counts of processes where processes ran them.

use std::time::Duration;

use plugdock_core_runtime::BackendChoice;

use super::paint::Paint;
use super::quantity::{rate, span};
use crate::execution::Tally;

/// The summary in lines.
pub(crate) fn repetition(tally: &Tally, asked_for: u64, choice: &BackendChoice, paint: Paint) -> String {
    let mut lines = Vec::new();
    let mut say = |name: &str, text: String| {
        lines.push(format!("{} {text}", paint.strong(&format!("{name:<11}"))));
    };
    let of = if tally.done == asked_for { String::new() } else { format!(" of {asked_for}") };
    say("executions", format!("{}{of} on {}", tally.done, choice.kind));
    say("succeeded", tally.succeeded.to_string());
    if tally.failed() > 0 {
        let codes: Vec<String> =
            tally.failed_by_code.iter().map(|(code, count)| format!("{code} {count}")).collect();
        say("failed", format!("{} ({})", tally.failed(), codes.join(", ")));
    }
    say("throughput", format!("{} per second, {} in all", rate(tally.rate()), span(tally.elapsed)));
    for (name, samples) in [("total", &tally.total), ("queue", &tally.queue), ("run", &tally.run)] {
        let Some(times) = samples.quantiles() else { continue };
        let shown = [("p50", times.p50), ("p90", times.p90), ("p99", times.p99), ("max", times.max)]
            .map(|(quantile, micros)| format!("{quantile} {:<7}", span(Duration::from_micros(micros))));
        let sampled = if times.sampled { "  (of a sample)" } else { "" };
        say(name, format!("{}{sampled}", shown.join("  ").trim_end()));
    }
    let starts = &tally.starts;
    if starts.cold + starts.warm > 0 {
        say("starts", format!("{} cold, {} warm", starts.cold, starts.warm));
    }
    let workers = [
        (starts.spawned, "spawned"),
        (starts.recycled, "recycled"),
        (starts.crashed, "crashed"),
        (starts.retried, "retried calls"),
        (starts.taken_back, "calls taken back"),
    ];
    let workers: Vec<String> = workers
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !workers.is_empty() {
        say("workers", workers.join(", "));
    }
    lines.join("\n")
}
