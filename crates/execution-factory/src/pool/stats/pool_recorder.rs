//! Counts what happens to a pool's workers. Whoever owns it holds its lock; reading it costs the same however much it
//! counted. What waits and runs at the moment it does not know.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plugdock_contracts::PluginId;
use plugdock_contracts::backend::RecycleReason;
use plugdock_contracts::stats::BackendStats;

use super::service_time::ServiceTime;
use super::spawn_times::SpawnTimes;
use super::utilisation::Utilisation;

/// Counts what happens to a pool's workers.
#[derive(Debug)]
pub(crate) struct PoolRecorder {
    spawned: u64,
    start_failed: u64,
    crashed: u64,
    recycled: BTreeMap<RecycleReason, u64>,
    health_failed: u64,
    queue_full: u64,
    redispatched: u64,
    retried: u64,
    spawn_times: SpawnTimes,
    utilisation: Utilisation,
    service_time: ServiceTime,
}

impl PoolRecorder {
    /// Of a pool that is made now and has no worker yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            spawned: 0,
            start_failed: 0,
            crashed: 0,
            recycled: BTreeMap::new(),
            health_failed: 0,
            queue_full: 0,
            redispatched: 0,
            retried: 0,
            spawn_times: SpawnTimes::new(),
            utilisation: Utilisation::new(now),
            service_time: ServiceTime::default(),
        }
    }

    /// A worker's process was started.
    pub(crate) const fn spawned(&mut self) {
        self.spawned += 1;
    }

    /// A worker is ready, this long after its process was started.
    pub(crate) fn ready(&mut self, spawn: Duration, plugin: &PluginId) {
        self.spawn_times.record(plugin, spawn);
    }

    /// A start failed before the worker was ready.
    pub(crate) const fn start_failed(&mut self) {
        self.start_failed += 1;
    }

    /// A worker that was ready died unexpectedly.
    pub(crate) const fn crashed(&mut self) {
        self.crashed += 1;
    }

    /// A worker was replaced or sent away on purpose.
    pub(crate) fn recycled(&mut self, why: RecycleReason) {
        *self.recycled.entry(why).or_default() += 1;
    }

    /// A worker failed a health check.
    pub(crate) const fn health_failed(&mut self) {
        self.health_failed += 1;
    }

    /// A request was refused because too many wait.
    pub(crate) const fn queue_full(&mut self) {
        self.queue_full += 1;
    }

    /// A call was taken back from a worker that died before it started it.
    pub(crate) const fn redispatched(&mut self) {
        self.redispatched += 1;
    }

    /// A call was started once more because its handler is idempotent.
    pub(crate) const fn retried(&mut self) {
        self.retried += 1;
    }

    /// A call took a worker, or a place on one, for so long, however it ended.
    pub(crate) fn served(&mut self, taken: Duration) {
        self.service_time.served(taken);
    }

    /// From now on so many workers are ready, and so many of those have a call. To be told with every change.
    pub(crate) fn level(&mut self, now: Instant, ready: usize, busy: usize) {
        self.utilisation.level(now, ready, busy);
    }

    /// Share of the time that workers were ready in which they had a call, 0 to 1; 0 when none ever was ready.
    pub(crate) fn utilisation(&self, now: Instant) -> f64 {
        self.utilisation.share(now)
    }

    /// When a request that is refused now would probably be served: `waiting` are before it, `capacity` run at a time.
    /// From 1 ms to 60 s, by how long calls took lately.
    pub(crate) fn retry_after(&self, waiting: usize, capacity: usize) -> Duration {
        self.service_time.retry_after(waiting, capacity)
    }

    /// Fills in what was counted and measured here. The other numbers of the pool stay as they are.
    pub(crate) fn fill(&self, now: Instant, stats: &mut BackendStats) {
        stats.spawned = self.spawned;
        stats.crashed = self.crashed;
        self.spawn_times.fill(stats);
        let pool = stats.pool.get_or_insert_default();
        pool.queue_full = self.queue_full;
        pool.utilisation = self.utilisation(now);
        pool.recycled = self.recycled.iter().map(|(why, n)| (why.as_str().to_owned(), *n)).collect();
        pool.health_failed = self.health_failed;
        pool.start_failed = self.start_failed;
        pool.redispatched = self.redispatched;
        pool.retried = self.retried;
    }
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::stats::PoolStats;

    use super::*;

    #[test]
    fn each_count_lands_in_its_own_field() {
        let now = Instant::now();
        let plugin = PluginId::new("acme/x").unwrap();
        let mut recorder = PoolRecorder::new(now);
        // Each so often that no two fields could be taken for each other.
        (0..2).for_each(|_| recorder.start_failed());
        (0..3).for_each(|_| recorder.crashed());
        (0..4).for_each(|_| recorder.health_failed());
        (0..5).for_each(|_| recorder.queue_full());
        (0..6).for_each(|_| recorder.redispatched());
        (0..7).for_each(|_| recorder.retried());
        (0..8).for_each(|_| recorder.spawned());
        (0..9).for_each(|_| recorder.ready(Duration::from_millis(3), &plugin));
        (0..10).for_each(|_| recorder.recycled(RecycleReason::Age));
        recorder.recycled(RecycleReason::Displaced);
        recorder.level(now, 2, 1);
        let mut wanted = PoolStats::default();
        (wanted.start_failed, wanted.health_failed, wanted.queue_full) = (2, 4, 5);
        (wanted.redispatched, wanted.retried, wanted.utilisation) = (6, 7, 0.5);
        wanted.recycled = BTreeMap::from([("age".to_owned(), 10), ("displaced".to_owned(), 1)]);
        (wanted.min, wanted.max, wanted.idle) = (1, 4, 3);

        let mut stats = BackendStats::default();
        let mut pool = PoolStats::default();
        (pool.min, pool.max, pool.idle) = (1, 4, 3);
        stats.pool = Some(pool);
        recorder.fill(now + Duration::from_secs(1), &mut stats);
        assert_eq!(stats.pool, Some(wanted));
        assert_eq!((stats.spawned, stats.crashed, stats.spawn.count), (8, 3, 9));
        assert_eq!(stats.by_plugin["acme/x"].spawn.count, 9);
    }

    #[test]
    fn a_refused_request_is_told_when_to_come_again() {
        let mut recorder = PoolRecorder::new(Instant::now());
        recorder.served(Duration::from_millis(50));
        assert_eq!(recorder.retry_after(100, 10), Duration::from_millis(550));
    }
}
