//! How long workers took to start, all together and by plugin, those started ahead of need included.
//! It knows nothing of executions, whose times the engine keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use plugdock_contracts::PluginId;
use plugdock_contracts::stats::{BackendStats, Distribution};

use crate::engine::{MAX_PLUGINS, Measure, OTHER_PLUGINS};

/// Distributions of the time from the start of a process until it was ready.
#[derive(Debug)]
pub(super) struct SpawnTimes {
    all: Measure,
    by_plugin: BTreeMap<Box<str>, Measure>,
}

impl SpawnTimes {
    /// Of nothing yet.
    pub(super) fn new() -> Self {
        Self { all: Measure::fine(), by_plugin: BTreeMap::new() }
    }

    /// A worker of a plugin is ready, this long after its start.
    pub(super) fn record(&mut self, plugin: &PluginId, span: Duration) {
        self.all.record(span);
        let is_told = self.by_plugin.contains_key(plugin.as_str()) || self.by_plugin.len() < MAX_PLUGINS;
        let name = if is_told { plugin.as_str() } else { OTHER_PLUGINS };
        self.by_plugin.entry(name.into()).or_insert_with(Measure::coarse).record(span);
    }

    /// Puts the distributions in the place of those that executions measured, which miss starts ahead of need.
    pub(super) fn fill(&self, stats: &mut BackendStats) {
        stats.spawn = self.all.distribution();
        for plugin in stats.by_plugin.values_mut() {
            plugin.spawn = Distribution::default();
        }
        for (name, measure) in &self.by_plugin {
            stats.by_plugin.entry(name.to_string()).or_default().spawn = measure.distribution();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(n: usize) -> PluginId {
        PluginId::new(&format!("acme/p{n}")).unwrap()
    }

    #[test]
    fn spawns_are_kept_by_plugin_and_replace_what_executions_measured() {
        let mut times = SpawnTimes::new();
        for millis in 1..=100 {
            times.record(&plugin(0), Duration::from_millis(millis));
        }
        times.record(&plugin(1), Duration::from_hours(100));
        let mut stats = BackendStats::default();
        stats.by_plugin.entry("acme/gone".to_owned()).or_default().spawn.count = 9;
        times.fill(&mut stats);
        assert_eq!((stats.spawn.count, stats.by_plugin["acme/gone"].spawn.count), (101, 0));
        assert!((94_900..=96_100).contains(&stats.spawn.p95), "{:?}", stats.spawn);
        let spawn = stats.by_plugin["acme/p0"].spawn;
        assert!(
            (49_500..=50_500).contains(&spawn.p50) && (94_000..=96_000).contains(&spawn.p95),
            "{spawn:?}"
        );
        // The maximum is exact, however long it took.
        assert_eq!(stats.by_plugin["acme/p1"].spawn.max, 100 * 3_600_000_000);
    }

    #[test]
    fn plugins_beyond_the_bound_share_a_row() {
        let mut times = SpawnTimes::new();
        for n in 0..MAX_PLUGINS + 10 {
            times.record(&plugin(n), Duration::from_millis(1));
        }
        times.record(&plugin(0), Duration::from_millis(1));
        let mut stats = BackendStats::default();
        times.fill(&mut stats);
        assert_eq!(stats.by_plugin.len(), MAX_PLUGINS + 1);
        assert_eq!(
            (stats.by_plugin[OTHER_PLUGINS].spawn.count, stats.by_plugin["acme/p0"].spawn.count),
            (10, 2)
        );
    }
}
