//! One lane: who of it may be taken, who is set aside, and whether it wants a slot. It knows nothing of other lanes.

use std::collections::BTreeSet;

use super::key::{LaneKey, PluginKey, Ticket};
use super::level::{Level, Rank};

/// That a lane wants a slot, ordered by whose turn it is within a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Want {
    /// The level that no coming worker covers, and the oldest waiter in it.
    pub(super) rank: Rank,
    pub(super) lane: LaneKey,
}

/// The waiters of one worker identity.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) plugin: PluginKey,
    /// Worker processes that hold a slot, starting ones included.
    pub(super) workers: usize,
    /// Calls that starting workers will take when they are ready.
    pub(super) coming: usize,
    /// It wants no slot for now.
    pub(super) held: bool,
    /// What is noted of it at its plugin.
    pub(super) want: Option<Want>,
    /// Who may be taken, by level.
    open: [BTreeSet<Ticket>; Level::COUNT],
    /// Who has to wait until a call of its tenant ends.
    aside: BTreeSet<Rank>,
}

impl Lane {
    pub(super) fn new(plugin: PluginKey) -> Self {
        let open = std::array::from_fn(|_| BTreeSet::new());
        Self { plugin, workers: 0, coming: 0, held: false, want: None, open, aside: BTreeSet::new() }
    }

    pub(super) fn insert(&mut self, rank: Rank, is_aside: bool) {
        if is_aside {
            self.aside.insert(rank);
        } else {
            self.open[rank.level() as usize].insert(rank.ticket);
        }
    }

    pub(super) fn remove(&mut self, rank: Rank, is_aside: bool) {
        if is_aside {
            self.aside.remove(&rank);
        } else {
            self.open[rank.level() as usize].remove(&rank.ticket);
        }
    }

    /// Who is next of those that may be taken.
    pub(super) fn head(&self) -> Option<Ticket> {
        self.open.iter().rev().find_map(|level| level.first().copied())
    }

    /// Who is next when only nested calls may be taken.
    pub(super) fn nested_head(&self) -> Option<Ticket> {
        self.open[Level::Nested as usize].first().copied()
    }

    /// Who is next of those set aside.
    pub(super) fn aside_head(&self) -> Option<Rank> {
        self.aside.first().copied()
    }

    /// Whether it wants a slot: for the first waiter, in serving order, whom no coming worker will take.
    pub(super) fn wanted(&self, lane: LaneKey) -> Option<Want> {
        if self.held {
            return None;
        }
        let mut covered = self.coming;
        for level in Level::DOWNWARDS {
            let open = &self.open[level as usize];
            if open.len() > covered {
                return open.first().map(|ticket| Want { rank: Rank::new(level, *ticket), lane });
            }
            covered -= open.len();
        }
        None
    }

    pub(super) fn len(&self) -> usize {
        self.open.iter().map(BTreeSet::len).sum::<usize>() + self.aside.len()
    }

    /// All of it, the oldest first.
    pub(super) fn tickets(&self) -> Vec<Ticket> {
        let aside = self.aside.iter().map(|rank| rank.ticket);
        let mut tickets: Vec<Ticket> = self.open.iter().flatten().copied().chain(aside).collect();
        tickets.sort_unstable();
        tickets
    }

    /// Whether it can be forgotten.
    pub(super) fn is_unused(&self) -> bool {
        self.workers == 0 && self.len() == 0
    }
}
