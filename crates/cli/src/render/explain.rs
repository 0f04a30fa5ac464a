//! What `--explain` says about an outcome: what ran it, how long each step took, what it used and what held it.
//! A number that was not measured is not shown.

use plugdock_contracts::outcome::{Mechanism, MechanismState, WorkerStart};
use plugdock_contracts::{BackendKind, Outcome};
use plugdock_core_runtime::BackendChoice;

use super::paint::{Paint, printable};
use super::quantity::{bytes, span};

/// The outcome in lines.
pub(crate) fn explain(outcome: &Outcome, choice: &BackendChoice, paint: Paint) -> String {
    let mut lines = Vec::new();
    let mut say = |name: &str, parts: Vec<String>| {
        if !parts.is_empty() {
            lines.push(format!("{} {}", paint.strong(&format!("{name:<9}")), parts.join("  ")));
        }
    };
    say("backend", vec![outcome.backend.to_string(), format!("({})", choice.reason)]);
    if let Some(error) = &choice.instead_of {
        say("", vec![format!("the subprocess backend could not be made: {}", printable(&error.to_string()))]);
    }
    if let Some(worker) = &outcome.worker {
        let start = match outcome.start {
            Some(WorkerStart::Cold) => "started for this execution",
            Some(WorkerStart::Warm) => "was waiting",
            _ => "",
        };
        say("worker", vec![worker.to_string(), start.to_owned()]);
    }
    let timings = &outcome.timings;
    let steps = [
        ("queue", timings.queue),
        ("spawn", timings.spawn),
        ("run", timings.run),
        ("total", Some(timings.total)),
    ];
    say("time", steps.iter().filter_map(|(name, time)| Some(format!("{name} {}", span((*time)?)))).collect());
    let usage = &outcome.usage;
    let cpu = usage.cpu().or(usage.cpu_user).map(|time| format!("cpu {}", span(time)));
    let sizes = [
        ("peak memory", usage.peak_resident_bytes),
        ("read", usage.read_bytes),
        ("written", usage.written_bytes),
        ("storage", usage.storage_bytes),
    ];
    say(
        "usage",
        cpu.into_iter()
            .chain(sizes.iter().filter_map(|(name, n)| Some(format!("{name} {}", bytes((*n)?)))))
            .collect(),
    );
    match (outcome.backend, outcome.sandbox.profile.as_str()) {
        (BackendKind::InProcess, _) => {
            say("sandbox", vec!["none: it ran in the host's own process".to_owned()]);
        }
        // No worker came far enough to say what holds it.
        (_, "") => {}
        (_, profile) => say("sandbox", vec![profile.to_owned()]),
    }
    lines.extend(mechanisms(&outcome.sandbox.mechanisms, paint));
    lines.extend(artifacts(outcome, paint));
    if outcome.events_dropped > 0 {
        lines.push(format!("{} log lines and progress events were dropped", outcome.events_dropped));
    }
    lines.join("\n")
}

/// Each mechanism in a line: its state, its name, and its value or why it is not in force.
pub(crate) fn mechanisms(mechanisms: &[Mechanism], paint: Paint) -> Vec<String> {
    let width = mechanisms.iter().map(|mechanism| mechanism.name.chars().count()).max().unwrap_or(0);
    let line = |mechanism: &Mechanism| {
        let state = match mechanism.state {
            MechanismState::Enforced => paint.good("in force     "),
            MechanismState::NotEnforced => paint.warning("not in force "),
            _ => paint.faint("not asked for"),
        };
        let line =
            format!("  {state}  {:<width$}  {}", printable(&mechanism.name), printable(&mechanism.detail));
        line.trim_end().to_owned()
    };
    mechanisms.iter().map(line).collect()
}

fn artifacts(outcome: &Outcome, paint: Paint) -> Vec<String> {
    let taken = outcome.artifacts.taken.iter().map(|artifact| {
        let to = artifact.path.as_ref().map(|path| format!(" -> {}", path.display())).unwrap_or_default();
        format!("{} {} ({}){to}", paint.strong("artifact "), printable(&artifact.name), bytes(artifact.size))
    });
    let skipped = outcome.artifacts.skipped.iter().map(|artifact| {
        format!(
            "{} {}: {}",
            paint.warning("not taken"),
            printable(&artifact.name),
            printable(&artifact.reason)
        )
    });
    taken.chain(skipped).collect()
}
