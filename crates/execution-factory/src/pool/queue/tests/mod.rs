//! Tests of the queue: tables of its rules, a simulated pool for its fairness, and properties against a naive model.
//! What they share is here.

mod bound;
mod fair;
mod model;
mod order;
mod property;
mod slot;

use std::time::{Duration, Instant};

use super::{CapPolicy, FairQueue, LaneKey, Level, PluginKey, QueueConfig, TenantKey, Ticket, Waiter};

const TURN: Duration = Duration::from_millis(50);
const AGE_AFTER: Duration = Duration::from_secs(1);

fn config() -> QueueConfig {
    QueueConfig {
        limit: 1000,
        byte_limit: 1 << 30,
        plugin_limit: None,
        tenant_limit: None,
        plugin_cap: None,
        tenant_cap: None,
        on_cap: CapPolicy::Wait,
        turn: TURN,
        age_after: AGE_AFTER,
    }
}

/// A queue whose lanes belong to the plugin of the same number unless a test says otherwise.
struct Bench {
    queue: FairQueue,
    start: Instant,
}

impl Bench {
    fn new(config: QueueConfig) -> Self {
        Self { queue: FairQueue::new(config), start: Instant::now() }
    }

    fn with(change: impl FnOnce(&mut QueueConfig)) -> Self {
        let mut config = config();
        change(&mut config);
        Self::new(config)
    }

    fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    /// A request of no tenant at normal level.
    fn waiter(&self, ticket: u64, lane: u32) -> Waiter {
        Waiter {
            ticket: Ticket(ticket),
            lane: LaneKey(lane),
            plugin: PluginKey(lane),
            tenant: None,
            level: Level::Normal,
            bytes: 1,
            since: self.start,
            deadline: None,
        }
    }

    #[track_caller]
    fn submit(&mut self, waiter: Waiter) {
        self.queue.submit(self.start, waiter).unwrap();
    }

    #[track_caller]
    fn submit_plain(&mut self, ticket: u64, lane: u32) {
        self.submit(self.waiter(ticket, lane));
    }

    #[track_caller]
    fn submit_at(&mut self, ticket: u64, lane: u32, level: Level) {
        self.submit(Waiter { level, ..self.waiter(ticket, lane) });
    }

    #[track_caller]
    fn submit_for(&mut self, ticket: u64, lane: u32, tenant: u32) {
        self.submit(Waiter { tenant: Some(TenantKey(tenant)), ..self.waiter(ticket, lane) });
    }

    fn head(&self, lane: u32) -> Option<u64> {
        self.queue.head(LaneKey(lane)).map(|waiter| waiter.ticket.0)
    }

    fn take(&mut self, lane: u32) -> Option<u64> {
        self.queue.take(LaneKey(lane)).map(|waiter| waiter.ticket.0)
    }

    /// Takes all that can be taken.
    fn take_all(&mut self, lane: u32) -> Vec<u64> {
        std::iter::from_fn(|| self.take(lane)).collect()
    }

    /// A call at normal level ended.
    fn release(&mut self, plugin: u32, tenant: Option<u32>, millis: u64) {
        let service = Duration::from_millis(millis);
        self.queue.release(PluginKey(plugin), tenant.map(TenantKey), Level::Normal, service);
    }

    fn workers(&mut self, lane: u32, n: usize) {
        self.queue.set_workers(LaneKey(lane), n);
    }

    fn wanting(&self) -> Option<u32> {
        self.queue.wanting().map(|lane| lane.0)
    }

    fn yields_to(&mut self, lane: u32) -> Option<u32> {
        self.queue.yields_to(LaneKey(lane)).map(|lane| lane.0)
    }
}
