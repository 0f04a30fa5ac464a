//! One tenant: what of it waits and runs, and who of it has to stand aside. It knows nothing of lanes and workers.

use std::collections::BTreeSet;

use super::level::Rank;

/// What has to change so that a tenant offers no more than it may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shift {
    /// This waiter has to stand aside.
    Aside(Rank),
    /// This one may come back to its place.
    Back(Rank),
}

/// The calls of one tenant, nested ones left out. Kept in order only when there is a cap.
#[derive(Debug, Default)]
pub(super) struct Tenant {
    pub(super) waiting: usize,
    pub(super) running: usize,
    open: BTreeSet<Rank>,
    aside: BTreeSet<Rank>,
}

impl Tenant {
    pub(super) fn insert(&mut self, rank: Rank, is_aside: bool) {
        if is_aside {
            self.aside.insert(rank)
        } else {
            self.open.insert(rank)
        };
    }

    pub(super) fn remove(&mut self, rank: Rank, is_aside: bool) {
        if is_aside {
            self.aside.remove(&rank)
        } else {
            self.open.remove(&rank)
        };
    }

    /// The next step to the state where the first waiters, as many as there are free places, may be taken and no others.
    /// Any one change of the tenant needs two steps at most.
    pub(super) fn next_shift(&self, cap: usize) -> Option<Shift> {
        let free = self.free(cap);
        let (worst_open, best_aside) = (self.open.last(), self.aside.first());
        if self.open.len() > free {
            return worst_open.copied().map(Shift::Aside);
        }
        if self.open.len() < free {
            return best_aside.copied().map(Shift::Back);
        }
        worst_open.filter(|open| best_aside.is_some_and(|aside| aside < *open)).copied().map(Shift::Aside)
    }

    /// Calls that may be begun.
    pub(super) const fn free(&self, cap: usize) -> usize {
        cap.saturating_sub(self.running)
    }

    /// The last of those that may be taken: whose place one that stands aside would use.
    pub(super) fn last_open(&self) -> Option<Rank> {
        self.open.last().copied()
    }

    pub(super) fn has_aside(&self) -> bool {
        !self.aside.is_empty()
    }

    /// Whether it can be forgotten.
    pub(super) const fn is_unused(&self) -> bool {
        self.waiting == 0 && self.running == 0
    }
}
