//! What stopping a backend met, in one line.

use plugdock_contracts::ShutdownReport;

/// The report in a line.
pub(crate) fn shutdown(report: &ShutdownReport) -> String {
    let counts = [
        (report.finished.len(), "finished"),
        (report.cancelled.len(), "cancelled"),
        (report.killed.len(), "killed"),
        (report.abandoned.len(), "abandoned"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if counts.is_empty() { "stopped".to_owned() } else { format!("stopped, meanwhile {}", counts.join(", ")) }
}
