//! One plugin: its share of the slots, its turn, and which of its lanes want a slot. It knows nothing of other plugins.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::time::Duration;

use super::key::PluginKey;
use super::lane::Want;
use super::level::Level;

/// How far the account of a plugin may be away from the others', in turns: with the default turn a second, the time after
/// which a waiter is raised anyway. What a call overran beyond that is forgiven, so that one call of minutes does not keep
/// its plugin away for minutes; and who waited for longer has no claim to all that the others had meanwhile.
const MOST_TURNS_APART: u64 = 20;

/// Workers by weight. Compared exactly, by cross multiplication.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    workers: usize,
    weight: u32,
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        let across = |a: &Self, b: &Self| a.workers as u128 * u128::from(b.weight);
        across(self, other).cmp(&across(other, self))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

/// Where a plugin that wants a slot stands among the others: the first gets the next free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Standing {
    level: Reverse<Level>,
    share: Share,
    served: u64,
    pub(super) plugin: PluginKey,
}

impl Standing {
    pub(super) const fn level(&self) -> Level {
        self.level.0
    }
}

/// The run time that a plugin had while others wanted its slots, in nanoseconds divided by its weight. Of those on one
/// level the first takes a slot over from one that had more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Account {
    pub(super) used: u64,
    pub(super) plugin: PluginKey,
}

/// The lanes of one plugin together.
#[derive(Debug)]
pub(super) struct Plugin {
    /// How many lanes it has.
    pub(super) lanes: usize,
    /// Its waiters, nested ones left out.
    pub(super) waiting: usize,
    /// Its calls that run, nested ones left out.
    pub(super) running: usize,
    /// Its nested calls that run.
    pub(super) nested: usize,
    /// Its workers.
    pub(super) workers: usize,
    /// Calls that its starting workers will take.
    pub(super) coming: usize,
    /// Its lanes that want a slot, first the one that gets it.
    pub(super) wants: BTreeSet<Want>,
    /// What is noted of it among the plugins.
    pub(super) noted: Option<(Standing, Account)>,
    /// When it was last given a slot, as a count.
    pub(super) served: u64,
    weight: u32,
    /// See `Account`.
    used: u64,
    /// What is left of its turn, in the same measure.
    left: u64,
}

impl Plugin {
    /// A plugin of weight 1 that stands behind all that were `served` before, and has `used` as much as who had least.
    pub(super) const fn new(served: u64, used: u64) -> Self {
        Self {
            lanes: 0,
            waiting: 0,
            running: 0,
            nested: 0,
            workers: 0,
            coming: 0,
            wants: BTreeSet::new(),
            noted: None,
            served,
            weight: 1,
            used,
            left: 0,
        }
    }

    pub(super) const fn set_weight(&mut self, weight: u32) {
        self.weight = if weight == 0 { 1 } else { weight };
    }

    /// Whether it has as many calls running as it may.
    pub(super) fn is_parked(&self, cap: Option<usize>) -> bool {
        cap.is_some_and(|cap| self.running >= cap)
    }

    /// The lane that it wants a slot for. Calls that are coming count, so that no worker is started for a call that
    /// the cap will not let run.
    pub(super) fn first_want(&self, cap: Option<usize>) -> Option<Want> {
        let is_covered = cap.is_some_and(|cap| self.running + self.coming >= cap);
        self.wants.first().filter(|want| !is_covered || want.rank.level() == Level::Nested).copied()
    }

    /// What is to be noted of it among the plugins, if it wants a slot. `least` is what those have used who had least.
    pub(super) fn note(
        &mut self,
        plugin: PluginKey,
        cap: Option<usize>,
        least: u64,
        turn: Duration,
    ) -> Option<(Standing, Account)> {
        let level = Reverse(self.first_want(cap)?.rank.level());
        if self.noted.is_none() {
            let is_idle = self.running == 0 && self.nested == 0;
            let kept = if is_idle { 0 } else { nanos(turn).saturating_mul(MOST_TURNS_APART) };
            self.used = self.used.max(least.saturating_sub(kept));
        }
        let standing = Standing { level, share: self.share(), served: self.served, plugin };
        Some((standing, Account { used: self.used, plugin }))
    }

    /// See `Account`.
    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// Its share of the slots.
    pub(super) const fn share(&self) -> Share {
        Share { workers: self.workers, weight: self.weight }
    }

    /// A call ended after `service`, while others wanted a slot.
    pub(super) fn charge(&mut self, service: Duration, least: u64, turn: Duration) {
        let cost = nanos(service).div_ceil(u64::from(self.weight));
        let most = least.saturating_add(nanos(turn).saturating_mul(MOST_TURNS_APART));
        self.used = self.used.saturating_add(cost).min(most).max(self.used);
        self.left = self.left.saturating_sub(cost);
    }

    /// Begins a turn: it was given a slot, or nobody else is entitled to one of its own.
    pub(super) fn begin_turn(&mut self, turn: Duration) {
        self.left = nanos(turn);
    }

    pub(super) const fn is_turn_over(&self) -> bool {
        self.left == 0
    }

    /// Whether it can be forgotten.
    pub(super) const fn is_unused(&self) -> bool {
        self.lanes == 0 && self.running == 0 && self.nested == 0
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
