//! How urgent a waiter is, and the order that follows from it. Time changes a level in `calendar`, not here.

use std::cmp::Reverse;

use super::key::Ticket;

/// How urgent a waiter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    /// After all others.
    Low,
    /// What a request is when nobody said otherwise.
    Normal,
    /// Before other requests.
    High,
    /// A call made by a call that runs: it holds a worker until this one ends, so nothing may stand in its way. It is
    /// exempt from limits and caps, and no other waiter ages into it.
    Nested,
}

impl Level {
    /// How many there are.
    pub(super) const COUNT: usize = 4;

    /// All, the most urgent first.
    pub(super) const DOWNWARDS: [Self; Self::COUNT] = [Self::Nested, Self::High, Self::Normal, Self::Low];

    /// The level above, if waiting leads there.
    pub(super) const fn raised(self) -> Option<Self> {
        match self {
            Self::Low => Some(Self::Normal),
            Self::Normal => Some(Self::High),
            Self::High | Self::Nested => None,
        }
    }
}

/// The order in which waiters are served: the higher level first, in one level the older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    level: Reverse<Level>,
    pub(super) ticket: Ticket,
}

impl Rank {
    pub(super) const fn new(level: Level, ticket: Ticket) -> Self {
        Self { level: Reverse(level), ticket }
    }

    pub(super) const fn level(self) -> Level {
        self.level.0
    }
}
