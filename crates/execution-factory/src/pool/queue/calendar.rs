//! When waiters come due: their deadlines and the next step of their ageing. What is done about it is decided elsewhere.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::key::Ticket;
use super::level::Level;
use super::waiter::Waiter;

/// The dates of all waiters, in order.
#[derive(Debug)]
pub(super) struct Calendar {
    age_after: Duration,
    deadlines: BTreeSet<(Instant, Ticket)>,
    steps: BTreeSet<(Instant, Ticket)>,
}

impl Calendar {
    pub(super) const fn new(age_after: Duration) -> Self {
        Self { age_after, deadlines: BTreeSet::new(), steps: BTreeSet::new() }
    }

    /// What the level of a waiter has become by `now`.
    pub(super) fn level_at(&self, now: Instant, waiter: &Waiter) -> Level {
        let mut level = waiter.level;
        while let Some(raised) = level.raised()
            && self.step_of(waiter, level).is_some_and(|at| at <= now)
        {
            level = raised;
        }
        level
    }

    /// Notes the dates of a waiter whose level is now `level`.
    pub(super) fn enter(&mut self, waiter: &Waiter, level: Level) {
        self.deadlines.extend(waiter.deadline.map(|at| (at, waiter.ticket)));
        self.steps.extend(self.step_of(waiter, level).map(|at| (at, waiter.ticket)));
    }

    /// Strikes them out.
    pub(super) fn leave(&mut self, waiter: &Waiter, level: Level) {
        if let Some(at) = waiter.deadline {
            self.deadlines.remove(&(at, waiter.ticket));
        }
        if let Some(at) = self.step_of(waiter, level) {
            self.steps.remove(&(at, waiter.ticket));
        }
    }

    /// A waiter whose deadline is reached, the earliest first.
    pub(super) fn overdue(&self, now: Instant) -> Option<Ticket> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, ticket)| *ticket)
    }

    /// A waiter that is to be raised, the one due longest first.
    pub(super) fn to_raise(&self, now: Instant) -> Option<Ticket> {
        self.steps.first().filter(|(at, _)| *at <= now).map(|(_, ticket)| *ticket)
    }

    /// The next date.
    pub(super) fn next(&self) -> Option<Instant> {
        let dates = [self.deadlines.first(), self.steps.first()];
        dates.into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// When a waiter leaves `level` for the one above. Nothing for a date that the clock cannot express.
    fn step_of(&self, waiter: &Waiter, level: Level) -> Option<Instant> {
        level.raised()?;
        let steps = (level as u32).saturating_sub(waiter.level as u32) + 1;
        waiter.since.checked_add(self.age_after.checked_mul(steps)?)
    }
}
