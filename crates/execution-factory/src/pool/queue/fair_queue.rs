//! The queue: who comes in, who leaves it without having run, and what is known of it. Who runs is decided in
//! `dispatch`, who gets a worker in `slot`, and the books are kept in `ledger`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::calendar::Calendar;
use super::config::{CapPolicy, QueueConfig};
use super::key::{LaneKey, PluginKey, TenantKey, Ticket};
use super::lane::Lane;
use super::level::Level;
use super::plugin::{Account, Plugin, Standing};
use super::tenant::Tenant;
use super::waiter::{Full, Part, Waiter};

/// Where calls that waited for something else than a worker may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Woken {
    /// A waiter of this lane is no longer set aside, or was, so that another one may be the first.
    Lane(LaneKey),
    /// This plugin is no longer at its cap: any of its lanes may have somebody to take.
    Plugin(PluginKey),
}

/// A waiter in the queue.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) waiter: Waiter,
    /// Its level by now.
    pub(super) level: Level,
    /// Whether it has to wait until a call of its tenant ends.
    pub(super) is_aside: bool,
}

/// The requests that wait for a worker, and whose turn it is.
#[derive(Debug)]
pub(crate) struct FairQueue {
    pub(super) config: QueueConfig,
    pub(super) places: BTreeMap<Ticket, Place>,
    pub(super) lanes: BTreeMap<LaneKey, Lane>,
    pub(super) plugins: BTreeMap<PluginKey, Plugin>,
    /// Empty when neither a limit nor a cap is set for tenants.
    pub(super) tenants: BTreeMap<TenantKey, Tenant>,
    pub(super) calendar: Calendar,
    /// The plugins that want a slot, first the one that gets it.
    pub(super) standings: BTreeSet<Standing>,
    pub(super) woken: BTreeSet<Woken>,
    /// Waiters that the limits hold for, and their bytes.
    pub(super) bounded: (usize, u64),
    pub(super) bytes: u64,
    /// The same plugins by level and by what they have used, the least first.
    pub(super) accounts: [BTreeSet<Account>; Level::COUNT],
    /// What the one of them has used that had least. It does not go back.
    pub(super) least_used: u64,
    /// How often a slot was given.
    pub(super) served: u64,
}

impl FairQueue {
    /// A queue without lanes.
    pub(crate) fn new(config: QueueConfig) -> Self {
        Self {
            calendar: Calendar::new(config.age_after),
            config,
            places: BTreeMap::new(),
            lanes: BTreeMap::new(),
            plugins: BTreeMap::new(),
            tenants: BTreeMap::new(),
            standings: BTreeSet::new(),
            woken: BTreeSet::new(),
            bounded: (0, 0),
            bytes: 0,
            accounts: std::array::from_fn(|_| BTreeSet::new()),
            least_used: 0,
            served: 0,
        }
    }

    /// Makes a lane known. The weight is the plugin's, and the last one said holds for all its lanes.
    pub(crate) fn add_lane(&mut self, lane: LaneKey, plugin: PluginKey, weight: u32) {
        self.lane_of(lane, plugin);
        if let Some(known) = self.plugins.get_mut(&plugin) {
            known.set_weight(weight);
        }
        self.restand(plugin);
    }

    /// Forgets a lane. One in which somebody waits or that holds a worker stays.
    pub(crate) fn drop_lane(&mut self, lane: LaneKey) {
        let Some(unused) = self.lanes.get(&lane).filter(|known| known.is_unused()) else { return };
        let plugin = unused.plugin;
        self.set_coming(lane, 0);
        self.lanes.remove(&lane);
        self.woken.remove(&Woken::Lane(lane));
        if let Some(known) = self.plugins.get_mut(&plugin) {
            known.lanes -= 1;
        }
        self.forget_plugin(plugin);
    }

    /// Lets a request in to wait. A lane that was not made known is, with weight 1.
    ///
    /// # Errors
    ///
    /// The first bound that does not allow it; nothing has changed then.
    pub(crate) fn submit(&mut self, now: Instant, waiter: Waiter) -> Result<(), Full> {
        self.check_limits(&waiter)?;
        self.check_caps(&waiter)?;
        self.enter(now, waiter);
        Ok(())
    }

    /// Takes a call back that was taken and provably never started, at its old place: the order is by ticket, and it has
    /// aged meanwhile. It is never refused. It counts as waiting again, so its end must have been told with `release`.
    pub(crate) fn put_back(&mut self, now: Instant, waiter: Waiter) {
        self.enter(now, waiter);
    }

    /// Takes a waiter out. Its place and bytes are free at once.
    pub(crate) fn cancel(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.leave(ticket)
    }

    /// Takes out a waiter whose deadline is reached. To be called until there is none.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Waiter> {
        let ticket = self.calendar.overdue(now)?;
        self.leave(ticket)
    }

    /// When `expire` or `age` have something to do.
    pub(crate) fn next_event(&self) -> Option<Instant> {
        self.calendar.next()
    }

    /// Raises whoever has waited long enough: one level for each `age_after`.
    pub(crate) fn age(&mut self, now: Instant) {
        while let Some(ticket) = self.calendar.to_raise(now) {
            self.raise(ticket);
        }
    }

    /// Takes all waiters of a lane out, those that are set aside too, the oldest first.
    pub(crate) fn drain_lane(&mut self, lane: LaneKey) -> Vec<Waiter> {
        let tickets = self.lanes.get(&lane).map(Lane::tickets).unwrap_or_default();
        tickets.into_iter().filter_map(|ticket| self.leave(ticket)).collect()
    }

    /// Somewhere a waiter became free to go other than by coming in: when a call ended, or when one that stood before it
    /// left or was set aside. A worker that is idle there has something to take, and should take it before the worker
    /// that just became free looks for its own next: else one lane could keep a tenant's only place for itself.
    /// To be called until there is none.
    pub(crate) fn woken(&mut self) -> Option<Woken> {
        self.woken.pop_first()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes of input that wait.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many wait in a lane, those set aside included.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a pool tells of itself does not include it yet"))]
    pub(crate) fn waiting_in(&self, lane: LaneKey) -> usize {
        self.lanes.get(&lane).map_or(0, Lane::len)
    }

    /// Whether a waiter has to wait until a call of its tenant ends.
    #[cfg(test)]
    pub(crate) fn is_aside(&self, ticket: Ticket) -> bool {
        self.places.get(&ticket).is_some_and(|place| place.is_aside)
    }

    /// Calls of a plugin that run, nested ones included.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a pool tells of itself does not include it yet"))]
    pub(crate) fn running_of(&self, plugin: PluginKey) -> usize {
        self.plugins.get(&plugin).map_or(0, |known| known.running + known.nested)
    }

    /// How long the oldest has waited.
    #[cfg_attr(not(test), expect(dead_code, reason = "what a pool tells of itself does not include it yet"))]
    pub(crate) fn longest_wait(&self, now: Instant) -> Duration {
        let oldest = self.places.first_key_value();
        oldest.map_or(Duration::ZERO, |(_, place)| now.saturating_duration_since(place.waiter.since))
    }

    fn check_limits(&self, waiter: &Waiter) -> Result<(), Full> {
        if waiter.level == Level::Nested {
            return Ok(());
        }
        let config = &self.config;
        let (count, bytes) = self.bounded;
        below(Part::Count, count, Some(config.limit))?;
        if bytes.saturating_add(waiter.bytes) > config.byte_limit {
            return Err(Full { part: Part::Bytes, waiting: bytes, limit: config.byte_limit });
        }
        let of_plugin = self.plugins.get(&waiter.plugin).map_or(0, |known| known.waiting);
        below(Part::Plugin, of_plugin, config.plugin_limit)?;
        let Some(tenant) = waiter.tenant else { return Ok(()) };
        let of_tenant = self.tenants.get(&tenant).map_or(0, |known| known.waiting);
        below(Part::Tenant, of_tenant, config.tenant_limit)
    }

    fn check_caps(&self, waiter: &Waiter) -> Result<(), Full> {
        if waiter.level == Level::Nested || self.config.on_cap == CapPolicy::Wait {
            return Ok(());
        }
        let of_plugin = self.plugins.get(&waiter.plugin).map_or(0, |known| known.running);
        below(Part::PluginCap, of_plugin, self.config.plugin_cap)?;
        let Some(tenant) = waiter.tenant else { return Ok(()) };
        let of_tenant = self.tenants.get(&tenant).map_or(0, |known| known.running);
        below(Part::TenantCap, of_tenant, self.config.tenant_cap)
    }
}

fn below(part: Part, used: usize, limit: Option<usize>) -> Result<(), Full> {
    match limit {
        Some(limit) if used >= limit => Err(Full { part, waiting: used as u64, limit: limit as u64 }),
        _ => Ok(()),
    }
}
