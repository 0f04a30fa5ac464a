//! Who runs: the head of a lane is taken, a call that ended makes room. Who gets a worker to run on is decided in `slot`.

use std::time::Duration;

use super::fair_queue::{FairQueue, Woken};
use super::key::{LaneKey, PluginKey, TenantKey, Ticket};
use super::lane::Lane;
use super::level::Level;
use super::waiter::Waiter;

impl FairQueue {
    /// Whom `take` would give: of those whom no cap holds back the highest level, and in it the oldest.
    pub(crate) fn head(&self, lane: LaneKey) -> Option<&Waiter> {
        let (ticket, _) = self.head_of(lane)?;
        self.places.get(&ticket).map(|place| &place.waiter)
    }

    /// Takes the head of a lane out. It counts as running until `release`.
    pub(crate) fn take(&mut self, lane: LaneKey) -> Option<Waiter> {
        let (ticket, _) = self.head_of(lane)?;
        let waiter = &self.places.get(&ticket)?.waiter;
        let (plugin, tenant, level) = (waiter.plugin, waiter.tenant, waiter.level);
        // Counted first: the place that it uses must not be offered to another of its tenant in between.
        self.count_begin(plugin, tenant, level);
        self.leave(ticket)
    }

    /// Counts a call that runs without having waited, until `release`. It is for a worker that is free while its lane has
    /// no head. False when a cap is reached, or when others of its tenant stand aside and were here before.
    pub(crate) fn try_run(&mut self, plugin: PluginKey, tenant: Option<TenantKey>, level: Level) -> bool {
        if level != Level::Nested {
            let parked =
                self.plugins.get(&plugin).is_some_and(|known| known.is_parked(self.config.plugin_cap));
            let capped = tenant.zip(self.config.tenant_cap).is_some_and(|(tenant, cap)| {
                self.tenants.get(&tenant).map_or(cap == 0, |known| known.free(cap) == 0 || known.has_aside())
            });
            if parked || capped {
                return false;
            }
        }
        self.count_begin(plugin, tenant, level);
        if let Some(tenant) = self.bounded_tenant(tenant, level) {
            self.settle(tenant);
        }
        self.restand(plugin);
        true
    }

    /// A call that was taken, or let run directly, ended after `service`. Frees what it held of the caps, and charges
    /// its plugin's turn if others want a slot. Who may go on now is told by `woken`.
    pub(crate) fn release(
        &mut self,
        plugin: PluginKey,
        tenant: Option<TenantKey>,
        level: Level,
        service: Duration,
    ) {
        let is_contested = self.is_contested(plugin);
        let (turn, least, cap) = (self.config.turn, self.least_used, self.config.plugin_cap);
        let Some(known) = self.plugins.get_mut(&plugin) else { return };
        if is_contested {
            known.charge(service, least, turn);
        }
        if level == Level::Nested {
            known.nested = known.nested.saturating_sub(1);
        } else {
            let was_parked = known.is_parked(cap);
            known.running = known.running.saturating_sub(1);
            if was_parked && !known.is_parked(cap) && known.waiting > 0 {
                self.woken.insert(Woken::Plugin(plugin));
            }
        }
        if let Some(tenant) = self.bounded_tenant(tenant, level)
            && let Some(known) = self.tenants.get_mut(&tenant)
        {
            known.running = known.running.saturating_sub(1);
            self.settle(tenant);
        }
        self.restand(plugin);
        self.forget_plugin(plugin);
    }

    /// The head of a lane and its level by now.
    pub(super) fn head_of(&self, lane: LaneKey) -> Option<(Ticket, Level)> {
        let known = self.lanes.get(&lane)?;
        let plugin = self.plugins.get(&known.plugin)?;
        let ticket = if plugin.is_parked(self.config.plugin_cap) {
            known.nested_head()
        } else {
            known.head().or_else(|| self.stand_in(known))
        }?;
        self.places.get(&ticket).map(|place| (ticket, place.level))
    }

    /// Who may take the place of another of its tenant that could not use it yet. Without this a worker whose own lane
    /// has only waiters set aside would have to give its slot to the lane of the one before them, and get it back a call
    /// later. It is nobody's loss: that lane has no worker, and gets one by its turn as any other.
    fn stand_in(&self, lane: &Lane) -> Option<Ticket> {
        let rank = lane.aside_head()?;
        let tenant = self.tenants.get(&self.places.get(&rank.ticket)?.waiter.tenant?)?;
        let replaced = tenant.last_open()?;
        let its_lane = self.lanes.get(&self.places.get(&replaced.ticket)?.waiter.lane)?;
        let may = its_lane.workers == 0 && rank.level() >= replaced.level();
        may.then_some(rank.ticket)
    }

    fn count_begin(&mut self, plugin: PluginKey, tenant: Option<TenantKey>, level: Level) {
        let known = self.plugin_of(plugin);
        if level == Level::Nested {
            known.nested += 1;
        } else {
            known.running += 1;
        }
        if let Some(tenant) = self.bounded_tenant(tenant, level) {
            self.tenants.entry(tenant).or_default().running += 1;
        }
    }
}
