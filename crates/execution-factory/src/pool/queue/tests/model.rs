//! The queue's rules as plainly as they can be said: one list, searched from end to end for every question.
//! It knows nothing of turns, which need a history.

use std::collections::BTreeMap;

use super::super::Woken;
use super::*;

/// The lanes of a model, and the plugin of each.
pub(super) const LANES: u32 = 5;

pub(super) fn plugin_of(lane: u32) -> PluginKey {
    PluginKey(lane % 3)
}

/// The weight of a plugin.
pub(super) fn weight_of(plugin: PluginKey) -> u32 {
    plugin.0 + 1
}

pub(super) struct Model {
    pub(super) config: QueueConfig,
    pub(super) waiting: Vec<Waiter>,
    pub(super) running: Vec<Waiter>,
    pub(super) workers: BTreeMap<u32, usize>,
    pub(super) coming: BTreeMap<u32, usize>,
    /// When the queue was last told to age.
    pub(super) aged: BTreeMap<Ticket, Level>,
}

/// The smaller is served first.
type Order = (std::cmp::Reverse<Level>, Ticket);

impl Model {
    pub(super) fn new(config: QueueConfig) -> Self {
        let (workers, coming, aged) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { config, waiting: Vec::new(), running: Vec::new(), workers, coming, aged }
    }

    pub(super) fn enter(&mut self, now: Instant, waiter: Waiter) {
        self.aged.insert(waiter.ticket, self.level_at(now, &waiter));
        self.waiting.push(waiter);
    }

    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let at = self.waiting.iter().position(|waiter| waiter.ticket == ticket)?;
        Some(self.waiting.remove(at))
    }

    pub(super) fn age(&mut self, now: Instant) {
        for waiter in &self.waiting {
            self.aged.insert(waiter.ticket, self.level_at(now, waiter));
        }
    }

    fn level_at(&self, now: Instant, waiter: &Waiter) -> Level {
        let steps = now.saturating_duration_since(waiter.since).as_nanos() / self.config.age_after.as_nanos();
        match (waiter.level, steps) {
            (level, 0) | (level @ (Level::Nested | Level::High), _) => level,
            (Level::Low, 1) => Level::Normal,
            _ => Level::High,
        }
    }

    fn order(&self, waiter: &Waiter) -> Order {
        (std::cmp::Reverse(self.aged[&waiter.ticket]), waiter.ticket)
    }

    fn is_bounded(waiter: &Waiter) -> bool {
        waiter.level != Level::Nested
    }

    fn running_for(&self, is_meant: impl Fn(&Waiter) -> bool) -> usize {
        self.running.iter().filter(|waiter| Self::is_bounded(waiter) && is_meant(waiter)).count()
    }

    pub(super) fn is_parked(&self, plugin: PluginKey) -> bool {
        self.config.plugin_cap.is_some_and(|cap| self.running_for(|waiter| waiter.plugin == plugin) >= cap)
    }

    pub(super) fn free(&self, tenant: TenantKey) -> usize {
        let running = self.running_for(|waiter| waiter.tenant == Some(tenant));
        self.config.tenant_cap.map_or(usize::MAX, |cap| cap.saturating_sub(running))
    }

    /// The waiters of a tenant in serving order.
    fn of_tenant(&self, tenant: TenantKey) -> Vec<&Waiter> {
        let is_meant = |waiter: &&Waiter| waiter.tenant == Some(tenant) && Self::is_bounded(waiter);
        let mut all: Vec<&Waiter> = self.waiting.iter().filter(is_meant).collect();
        all.sort_by_key(|waiter| self.order(waiter));
        all
    }

    /// Whether it is not set aside.
    pub(super) fn is_open(&self, waiter: &Waiter) -> bool {
        let Some(tenant) = waiter.tenant.filter(|_| Self::is_bounded(waiter)) else { return true };
        let before = self.of_tenant(tenant).iter().position(|other| other.ticket == waiter.ticket);
        before.is_some_and(|before| before < self.free(tenant))
    }

    /// The waiters of a lane in serving order that are open, or set aside.
    fn lane(&self, lane: u32, open: bool) -> Vec<&Waiter> {
        let is_meant = |waiter: &&Waiter| waiter.lane.0 == lane && self.is_open(waiter) == open;
        let mut all: Vec<&Waiter> = self.waiting.iter().filter(is_meant).collect();
        all.sort_by_key(|waiter| self.order(waiter));
        all
    }

    /// Whom no cap holds back.
    pub(super) fn open_head(&self, lane: u32) -> Option<&Waiter> {
        let is_parked = self.is_parked(plugin_of(lane));
        self.lane(lane, true).into_iter().find(|waiter| !is_parked || !Self::is_bounded(waiter))
    }

    pub(super) fn head(&self, lane: u32) -> Option<&Waiter> {
        if let Some(head) = self.open_head(lane) {
            return Some(head);
        }
        let aside = *self.lane(lane, false).first().filter(|_| !self.is_parked(plugin_of(lane)))?;
        let tenant = aside.tenant?;
        let replaced = *self.of_tenant(tenant).get(self.free(tenant).checked_sub(1)?)?;
        let has_no_worker = self.workers.get(&replaced.lane.0).is_none_or(|n| *n == 0);
        (has_no_worker && self.aged[&aside.ticket] >= self.aged[&replaced.ticket]).then_some(aside)
    }

    pub(super) fn head_level(&self, lane: u32) -> Option<Level> {
        self.head(lane).map(|waiter| self.aged[&waiter.ticket])
    }

    pub(super) fn workers_of(&self, plugin: PluginKey) -> usize {
        self.workers.iter().filter(|(lane, _)| plugin_of(**lane) == plugin).map(|(_, n)| *n).sum()
    }

    /// The lanes that may get the next slot, all of the highest level and smallest share, and that level.
    pub(super) fn wanting(&self) -> (Option<Level>, Vec<u32>) {
        let mut best = None;
        let mut lanes = Vec::new();
        for plugin in (0..3).map(PluginKey) {
            let Some((order, lane)) = self.want_of(plugin) else { continue };
            // All weights divide six.
            let share = self.workers_of(plugin) * 6 / weight_of(plugin) as usize;
            let standing = (order.0, share);
            if best.is_none_or(|best| standing < best) {
                best = Some(standing);
                lanes.clear();
            }
            if best == Some(standing) {
                lanes.push(lane);
            }
        }
        (best.map(|(level, _)| level.0), lanes)
    }

    fn want_of(&self, plugin: PluginKey) -> Option<(Order, u32)> {
        let coming = |lane: u32| self.coming.get(&lane).copied().unwrap_or(0);
        let lanes = || (0..LANES).filter(|lane| plugin_of(*lane) == plugin);
        let expected =
            self.running_for(|waiter| waiter.plugin == plugin) + lanes().map(coming).sum::<usize>();
        let is_covered = self.config.plugin_cap.is_some_and(|cap| expected >= cap);
        let want = |lane: u32| {
            let open = self.lane(lane, true);
            let level = self.aged[&open.get(coming(lane))?.ticket];
            let first = open.iter().find(|waiter| self.aged[&waiter.ticket] == level)?;
            let is_meant = !is_covered || level == Level::Nested;
            is_meant.then(|| (self.order(first), lane))
        };
        lanes().filter_map(want).min()
    }

    /// Whether the queue would let it in.
    pub(super) fn admits(&self, waiter: &Waiter) -> bool {
        let waits = |is_meant: &dyn Fn(&Waiter) -> bool| {
            self.waiting.iter().filter(|other| Self::is_bounded(other) && is_meant(other)).count()
        };
        let bytes: u64 =
            self.waiting.iter().filter(|other| Self::is_bounded(other)).map(|other| other.bytes).sum();
        let is_below = |limit: Option<usize>, used: usize| limit.is_none_or(|limit| used < limit);
        let has_tenant = waiter.tenant.is_some();
        let caps = self.config.on_cap == CapPolicy::Wait
            || (!self.is_parked(waiter.plugin) && waiter.tenant.is_none_or(|tenant| self.free(tenant) > 0));
        !Self::is_bounded(waiter)
            || (waits(&|_| true) < self.config.limit
                && bytes + waiter.bytes <= self.config.byte_limit
                && is_below(self.config.plugin_limit, waits(&|other| other.plugin == waiter.plugin))
                && (!has_tenant
                    || is_below(self.config.tenant_limit, waits(&|other| other.tenant == waiter.tenant)))
                && caps)
    }

    /// Whether a call may run without having waited.
    pub(super) fn may_run(&self, waiter: &Waiter) -> bool {
        let fits = |tenant| self.free(tenant) > 0 && self.of_tenant(tenant).len() <= self.free(tenant);
        !Self::is_bounded(waiter) || (!self.is_parked(waiter.plugin) && waiter.tenant.is_none_or(fits))
    }

    /// The earliest deadline or step.
    pub(super) fn next_event(&self) -> Option<Instant> {
        let step = |waiter: &Waiter| match (waiter.level, self.aged[&waiter.ticket]) {
            (Level::Low, Level::Low) | (Level::Normal, Level::Normal) => {
                Some(waiter.since + self.config.age_after)
            }
            (Level::Low, Level::Normal) => Some(waiter.since + self.config.age_after * 2),
            _ => None,
        };
        self.waiting.iter().flat_map(|waiter| [waiter.deadline, step(waiter)]).flatten().min()
    }

    /// Who has to be told that `lane` has an open head now.
    pub(super) fn announces(woken: &[Woken], lane: u32) -> bool {
        woken.contains(&Woken::Lane(LaneKey(lane))) || woken.contains(&Woken::Plugin(plugin_of(lane)))
    }
}
