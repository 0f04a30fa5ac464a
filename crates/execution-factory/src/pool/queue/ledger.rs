//! The books of the queue: each waiter stands in its lane, at its tenant and in the calendar, and what lanes and plugins
//! want follows from that. Nothing is decided here; every change of the queue goes through it.

use std::time::Instant;

use super::fair_queue::{FairQueue, Place, Woken};
use super::key::{LaneKey, PluginKey, TenantKey, Ticket};
use super::lane::Lane;
use super::level::{Level, Rank};
use super::plugin::Plugin;
use super::tenant::{Shift, Tenant};
use super::waiter::Waiter;

impl FairQueue {
    /// Puts a waiter at its place.
    pub(super) fn enter(&mut self, now: Instant, waiter: Waiter) {
        debug_assert!(!self.places.contains_key(&waiter.ticket), "a ticket is given once");
        let level = self.calendar.level_at(now, &waiter);
        let (key, lane, tenant) =
            (waiter.ticket, waiter.lane, self.bounded_tenant(waiter.tenant, waiter.level));
        // One with a capped tenant comes in by the side, and moves to its place at once if there is room.
        let is_aside = tenant.is_some() && self.config.tenant_cap.is_some();
        let rank = Rank::new(level, key);
        self.lane_of(lane, waiter.plugin).insert(rank, is_aside);
        self.calendar.enter(&waiter, level);
        self.bytes = self.bytes.saturating_add(waiter.bytes);
        if waiter.level != Level::Nested {
            self.bounded = (self.bounded.0 + 1, self.bounded.1.saturating_add(waiter.bytes));
            self.plugin_of(waiter.plugin).waiting += 1;
        }
        self.places.insert(key, Place { waiter, level, is_aside });
        if let Some(tenant) = tenant {
            let known = self.tenants.entry(tenant).or_default();
            known.waiting += 1;
            if is_aside {
                known.insert(rank, true);
                self.settle(tenant);
            }
        }
        self.refresh(lane);
    }

    /// Takes a waiter from its place.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let Place { waiter, level, is_aside } = self.places.remove(&ticket)?;
        let rank = Rank::new(level, ticket);
        if let Some(lane) = self.lanes.get_mut(&waiter.lane) {
            lane.remove(rank, is_aside);
        }
        self.calendar.leave(&waiter, level);
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        if waiter.level != Level::Nested {
            self.bounded = (self.bounded.0 - 1, self.bounded.1.saturating_sub(waiter.bytes));
            self.plugin_of(waiter.plugin).waiting -= 1;
        }
        if let Some(tenant) = self.bounded_tenant(waiter.tenant, waiter.level)
            && let Some(known) = self.tenants.get_mut(&tenant)
        {
            known.waiting -= 1;
            known.remove(rank, is_aside);
            self.settle(tenant);
        }
        self.refresh(waiter.lane);
        Some(waiter)
    }

    /// Moves a waiter one level up.
    pub(super) fn raise(&mut self, ticket: Ticket) {
        let Some(place) = self.places.get_mut(&ticket) else { return };
        let Some(raised) = place.level.raised() else { return };
        let before = Rank::new(place.level, ticket);
        let after = Rank::new(raised, ticket);
        self.calendar.leave(&place.waiter, place.level);
        self.calendar.enter(&place.waiter, raised);
        place.level = raised;
        let (lane, is_aside) = (place.waiter.lane, place.is_aside);
        let (tenant, level) = (place.waiter.tenant, place.waiter.level);
        if let Some(known) = self.lanes.get_mut(&lane) {
            known.remove(before, is_aside);
            known.insert(after, is_aside);
        }
        if let Some(tenant) = self.bounded_tenant(tenant, level).filter(|_| self.config.tenant_cap.is_some())
            && let Some(known) = self.tenants.get_mut(&tenant)
        {
            known.remove(before, is_aside);
            known.insert(after, is_aside);
            self.settle(tenant);
        }
        self.refresh(lane);
    }

    /// Lets as many of a tenant's waiters be taken as it has places free, the first ones, and sets the others aside.
    pub(super) fn settle(&mut self, tenant: TenantKey) {
        if let Some(cap) = self.config.tenant_cap {
            while let Some(shift) = self.tenants.get(&tenant).and_then(|known| known.next_shift(cap)) {
                self.shift(tenant, shift);
            }
        }
        if self.tenants.get(&tenant).is_some_and(Tenant::is_unused) {
            self.tenants.remove(&tenant);
        }
    }

    /// Notes at its plugin whether a lane wants a slot.
    pub(super) fn refresh(&mut self, lane: LaneKey) {
        let Some(known) = self.lanes.get_mut(&lane) else { return };
        let want = known.wanted(lane);
        let before = std::mem::replace(&mut known.want, want);
        let key = known.plugin;
        if want != before
            && let Some(plugin) = self.plugins.get_mut(&key)
        {
            if let Some(before) = before {
                plugin.wants.remove(&before);
            }
            plugin.wants.extend(want);
        }
        self.restand(key);
    }

    /// Notes among the plugins where one stands.
    pub(super) fn restand(&mut self, key: PluginKey) {
        let Some(plugin) = self.plugins.get_mut(&key) else { return };
        let noted = plugin.note(key, self.config.plugin_cap, self.least_used, self.config.turn);
        let before = std::mem::replace(&mut plugin.noted, noted);
        if noted == before {
            return;
        }
        if let Some((standing, account)) = before {
            self.standings.remove(&standing);
            self.accounts[standing.level() as usize].remove(&account);
        }
        if let Some((standing, account)) = noted {
            self.standings.insert(standing);
            self.accounts[standing.level() as usize].insert(account);
        }
        let least = self.accounts.iter().filter_map(|level| level.first()).map(|account| account.used).min();
        self.least_used = self.least_used.max(least.unwrap_or(0));
    }

    /// Forgets a plugin that has no lane and runs nothing.
    pub(super) fn forget_plugin(&mut self, key: PluginKey) {
        if self.plugins.get(&key).is_some_and(Plugin::is_unused) {
            self.plugins.remove(&key);
            self.woken.remove(&Woken::Plugin(key));
        }
    }

    /// The tenant if anything bounds what it may.
    pub(super) fn bounded_tenant(&self, tenant: Option<TenantKey>, level: Level) -> Option<TenantKey> {
        let is_bounded = self.config.tenant_cap.is_some() || self.config.tenant_limit.is_some();
        tenant.filter(|_| is_bounded && level != Level::Nested)
    }

    /// A plugin, made known with weight 1 if it was not.
    pub(super) fn plugin_of(&mut self, key: PluginKey) -> &mut Plugin {
        self.plugins.entry(key).or_insert_with(|| {
            self.served += 1;
            Plugin::new(self.served, self.least_used)
        })
    }

    /// A lane, made known if it was not.
    pub(super) fn lane_of(&mut self, key: LaneKey, plugin: PluginKey) -> &mut Lane {
        if !self.lanes.contains_key(&key) {
            self.plugin_of(plugin).lanes += 1;
        }
        self.lanes.entry(key).or_insert_with(|| Lane::new(plugin))
    }

    fn shift(&mut self, tenant: TenantKey, shift: Shift) {
        let (rank, is_aside) = match shift {
            Shift::Aside(rank) => (rank, true),
            Shift::Back(rank) => (rank, false),
        };
        if let Some(known) = self.tenants.get_mut(&tenant) {
            known.remove(rank, !is_aside);
            known.insert(rank, is_aside);
        }
        let Some(place) = self.places.get_mut(&rank.ticket) else { return };
        place.is_aside = is_aside;
        let key = place.waiter.lane;
        if let Some(lane) = self.lanes.get_mut(&key) {
            lane.remove(rank, !is_aside);
            lane.insert(rank, is_aside);
        }
        // One that is set aside leaves the first place to another, who may use what it could not.
        self.woken.insert(Woken::Lane(key));
        self.refresh(key);
    }
}
