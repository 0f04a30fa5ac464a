//! One plugin's numbers, and the bounded table of all plugins' numbers.
//! A plugin has a lock of its own, so that reading one holds nothing else up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plugdock_contracts::stats::{Distribution, PluginStats};
use plugdock_contracts::{ErrorCode, Outcome, PluginId};

use super::code_counts::CodeCounts;
use super::measure::Measure;

/// Plugins told apart, so that the table stays below 27 MiB whatever the four measures of each hold, and below 15 MiB
/// where nothing takes longer than a second.
pub(crate) const MAX_PLUGINS: usize = 256;

/// The row that further plugins share, named as `contracts::stats` says. It is no plugin's id, which has a `/`.
pub(crate) const OTHER_PLUGINS: &str = "OTHER";

/// Codes told apart for one plugin.
const MAX_CODES: usize = 32;

/// One plugin's numbers. A measure is made with its first value: a plugin that never spawned pays for no spawn.
#[derive(Debug)]
struct PluginCounts {
    succeeded: u64,
    failed: u64,
    codes: CodeCounts,
    queue: Option<Measure>,
    spawn: Option<Measure>,
    run: Option<Measure>,
    total: Option<Measure>,
}

impl PluginCounts {
    const fn new() -> Self {
        Self {
            succeeded: 0,
            failed: 0,
            codes: CodeCounts::new(MAX_CODES),
            queue: None,
            spawn: None,
            run: None,
            total: None,
        }
    }

    fn ended(&mut self, outcome: &Outcome) {
        match outcome.error() {
            None => self.succeeded += 1,
            Some(error) => {
                self.failed += 1;
                self.codes.count(error.code());
            }
        }
        let timings = &outcome.timings;
        record(&mut self.queue, timings.queue);
        record(&mut self.spawn, timings.spawn);
        record(&mut self.run, timings.run);
        record(&mut self.total, Some(timings.total));
    }

    fn stats(&self) -> PluginStats {
        let read = |measure: &Option<Measure>| {
            measure.as_ref().map_or_else(Distribution::default, Measure::distribution)
        };
        let mut stats = PluginStats::default();
        (stats.succeeded, stats.failed) = (self.succeeded, self.failed);
        stats.failed_by_code.clone_from(self.codes.by_code());
        stats.queue = read(&self.queue);
        stats.spawn = read(&self.spawn);
        stats.run = read(&self.run);
        stats.total = read(&self.total);
        stats
    }
}

fn record(measure: &mut Option<Measure>, span: Option<Duration>) {
    if let Some(span) = span {
        measure.get_or_insert_with(Measure::coarse).record(span);
    }
}

/// All plugins' numbers.
#[derive(Debug, Default)]
pub(super) struct PluginTable(Mutex<BTreeMap<Box<str>, Arc<Mutex<PluginCounts>>>>);

impl PluginTable {
    /// An execution of a plugin ended.
    pub(super) fn ended(&self, plugin: &PluginId, outcome: &Outcome) {
        let counts = self.row(plugin.as_str(), may_be_made_up(outcome));
        counts.lock().unwrap_or_else(PoisonError::into_inner).ended(outcome);
    }

    /// The numbers, by plugin.
    pub(super) fn stats(&self) -> BTreeMap<String, PluginStats> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read =
            |counts: &Mutex<PluginCounts>| counts.lock().unwrap_or_else(PoisonError::into_inner).stats();
        rows.iter().map(|(name, counts)| (name.to_string(), read(counts))).collect()
    }

    fn row(&self, plugin: &str, may_be_made_up: bool) -> Arc<Mutex<PluginCounts>> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = rows.get(plugin) {
            return Arc::clone(row);
        }
        let name = if may_be_made_up || rows.len() >= MAX_PLUGINS { OTHER_PLUGINS } else { plugin };
        let row = rows.entry(name.into()).or_insert_with(|| Arc::new(Mutex::new(PluginCounts::new())));
        Arc::clone(row)
    }
}

/// Whether perhaps no such plugin exists. Such an id gets no row of its own: a caller who tries names would otherwise
/// take all rows, and real plugins would share what is left.
fn may_be_made_up(outcome: &Outcome) -> bool {
    let refuses_ids =
        |code: &ErrorCode| matches!(code, ErrorCode::HandlerNotFound | ErrorCode::ValidationError);
    outcome.timings.queue.is_none() && outcome.error().is_some_and(|error| refuses_ids(error.code()))
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::backend::BackendKind;
    use plugdock_contracts::error::ExecutionError;
    use plugdock_contracts::{ExecutionId, Payload};

    use super::*;

    fn plugin(n: usize) -> PluginId {
        PluginId::new(&format!("acme/p{n}")).unwrap()
    }

    fn failed(code: ErrorCode) -> Outcome {
        let result = Err(ExecutionError::new(code, "x"));
        Outcome::new(ExecutionId::generate(), BackendKind::WorkerPool, result)
    }

    fn succeeded(queue: Duration) -> Outcome {
        let mut outcome = Outcome::new(ExecutionId::generate(), BackendKind::WorkerPool, Ok(Payload::null()));
        outcome.timings.queue = Some(queue);
        outcome
    }

    #[test]
    fn plugins_beyond_the_bound_share_a_row() {
        let table = PluginTable::default();
        for n in 0..MAX_PLUGINS + 20 {
            table.ended(&plugin(n), &succeeded(Duration::ZERO));
        }
        table.ended(&plugin(3), &succeeded(Duration::ZERO));
        let stats = table.stats();
        assert_eq!(stats.len(), MAX_PLUGINS + 1);
        assert_eq!((stats[OTHER_PLUGINS].succeeded, stats["acme/p3"].succeeded), (20, 2));
    }

    #[test]
    fn an_id_that_nobody_knows_takes_no_row() {
        let table = PluginTable::default();
        for n in 0..1000 {
            table.ended(&plugin(n), &failed(ErrorCode::HandlerNotFound));
        }
        table.ended(&plugin(0), &succeeded(Duration::ZERO));
        table.ended(&plugin(0), &failed(ErrorCode::HandlerNotFound));
        let stats = table.stats();
        assert_eq!(stats.len(), 2);
        assert_eq!(stats[OTHER_PLUGINS].failed_by_code["HANDLER_NOT_FOUND"], 1000);
        assert_eq!((stats["acme/p0"].succeeded, stats["acme/p0"].failed), (1, 1));
    }

    #[test]
    fn a_known_plugin_without_such_a_handler_gets_its_row() {
        let table = PluginTable::default();
        let mut outcome = failed(ErrorCode::HandlerNotFound);
        outcome.timings.queue = Some(Duration::ZERO);
        table.ended(&plugin(0), &outcome);
        table.ended(&plugin(1), &failed(ErrorCode::QueueFull));
        assert_eq!(table.stats().into_keys().collect::<Vec<_>>(), ["acme/p0", "acme/p1"]);
    }

    #[test]
    fn a_measure_that_never_had_a_value_is_never_made() {
        let mut counts = PluginCounts::new();
        counts.ended(&succeeded(Duration::from_millis(2)));
        assert!(counts.queue.is_some() && counts.spawn.is_none() && counts.run.is_none());
        let stats = counts.stats();
        assert_eq!((stats.queue.max, stats.spawn, stats.total.count), (2000, Distribution::default(), 1));
    }
}
