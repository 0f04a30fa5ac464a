//! The worker processes of a server, one in a line.

use plugdock_contracts::WorkerStatus;

use super::paint::Paint;
use super::quantity::{bytes, span};
use super::table::{Align, Table};

/// What stands where nothing was read.
const UNKNOWN: &str = "-";

/// The workers in lines, by plugin and then by age, the oldest first.
pub(crate) fn workers(workers: &[WorkerStatus], paint: Paint, width: Option<usize>) -> Vec<String> {
    let mut table = Table::new([
        ("WORKER", Align::Left),
        ("PID", Align::Right),
        ("PLUGIN", Align::Left),
        ("GENERATION", Align::Left),
        ("STATE", Align::Left),
        ("AGE", Align::Right),
        ("CALLS", Align::Right),
        ("RUNNING", Align::Right),
        ("CPU", Align::Right),
        ("MEMORY", Align::Right),
    ]);
    let mut sorted: Vec<&WorkerStatus> = workers.iter().collect();
    sorted.sort_by(|a, b| (&a.plugin, b.age, &a.worker).cmp(&(&b.plugin, a.age, &b.worker)));
    for worker in sorted {
        table.row([
            worker.worker.to_string(),
            worker.pid.map_or_else(|| UNKNOWN.to_owned(), |pid| pid.to_string()),
            worker.plugin.to_string(),
            worker.generation.clone(),
            worker.state.to_string(),
            span(worker.age),
            worker.calls.to_string(),
            worker.running.to_string(),
            worker.cpu.map_or_else(|| UNKNOWN.to_owned(), span),
            worker.resident_bytes.map_or_else(|| UNKNOWN.to_owned(), bytes),
        ]);
    }
    table.lines(paint, width)
}
