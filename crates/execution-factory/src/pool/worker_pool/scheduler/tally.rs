//! What a worker counts as, and on which list it stands: both follow from what it is. Nothing is decided here.

use std::time::Instant;

use super::member::Member;
use crate::pool::lifecycle::Phase;

/// How many workers of a lane, or of the pool, are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Being started for whoever waits: neither for one nested execution nor beyond the bounds.
    pub(super) starting: usize,
    /// Within the bounds, and not going.
    pub(super) staying: usize,
    /// Ready, and not going.
    pub(super) serving: usize,
    /// Ready, or with a call.
    pub(super) ready: usize,
    /// With a call.
    pub(super) busy: usize,
    /// Beyond the bounds.
    pub(super) surplus: usize,
    /// Going, within the bounds, and their slot is nobody's yet.
    pub(super) unclaimed: usize,
}

/// The list of those that something can be done with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Spot {
    /// On none.
    #[default]
    Nowhere,
    /// It has had no call since then, and can take one.
    Idle(Instant),
    /// It has so many calls and can take a further concurrent one.
    Shared(usize),
    /// It is going, has no call, and its slot is nobody's yet.
    Vacant,
}

/// What one worker counts as, and where it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) tally: Tally,
    pub(super) spot: Spot,
}

impl Tally {
    /// One worker that counted as `before` counts as `after`.
    pub(super) const fn change(&mut self, before: &Self, after: &Self) {
        self.starting = self.starting + after.starting - before.starting;
        self.staying = self.staying + after.staying - before.staying;
        self.serving = self.serving + after.serving - before.serving;
        self.ready = self.ready + after.ready - before.ready;
        self.busy = self.busy + after.busy - before.busy;
        self.surplus = self.surplus + after.surplus - before.surplus;
        self.unclaimed = self.unclaimed + after.unclaimed - before.unclaimed;
    }

    fn of(member: &Member) -> Self {
        let count = usize::from;
        let (stays, is_busy) = (member.leaving.is_none(), member.running > 0);
        let is_starting = member.phase == Phase::Starting && member.bound.is_none();
        Self {
            starting: count(is_starting && !member.surplus),
            staying: count(stays && !member.surplus),
            serving: count(member.takes_calls()),
            ready: count(is_busy || matches!(member.phase, Phase::Idle | Phase::Busy)),
            busy: count(is_busy),
            surplus: count(member.surplus),
            unclaimed: count(!stays && !member.surplus && member.is_unclaimed()),
        }
    }
}

impl Post {
    /// Of a worker that may have `depth` calls at a time.
    pub(super) fn of(member: &Member, depth: usize) -> Self {
        let tally = Tally::of(member);
        let spot = if member.takes_calls() {
            match member.phase {
                Phase::Idle => Spot::Idle(member.idle_since),
                // One beyond the bounds is there for the nested execution that it was started for, and for no longer.
                _ if member.surplus || member.exclusive => Spot::Nowhere,
                _ if member.running < depth => Spot::Shared(member.running),
                _ => Spot::Nowhere,
            }
        } else if tally.unclaimed > 0 && member.running == 0 {
            Spot::Vacant
        } else {
            Spot::Nowhere
        };
        Self { tally, spot }
    }
}
