//! One call of a soak as it is planned: everything but when it happens. It does not know what runs it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_contracts::request::Priority;
use plugdock_contracts::{ExecutionRequest, HandlerId, TenantId};

use super::dice::Dice;
use super::row::{ROWS, Row, Shape};
use crate::plugin::chaos::Order;

/// Between a request to stop and the kill.
const GRACE: Duration = Duration::from_millis(150);

/// Run time of calls that would end.
const CALL: Duration = Duration::from_secs(4);

/// Wait for a worker.
pub(super) const ACQUIRE: Duration = Duration::from_secs(4);

/// What the caller does with its execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Waits for the outcome, and lets events go.
    Wait,
    /// Takes every event.
    Read,
    /// Takes every event, with a pause after each.
    ReadSlowly(Duration),
    /// Looks at nothing for a time, and then waits.
    Ignore(Duration),
    /// Cancels after a time, and waits.
    Cancel(Duration),
    /// Polls the future so many times, and drops it.
    DropAfterPolls(u64),
    /// Drops the handle after a time.
    Drop(Duration),
    /// Lets it run without a handle.
    Detach,
}

/// One planned call.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) row: &'static Row,
    pub(super) plugin: &'static str,
    pub(super) token: u64,
    pub(super) manner: Manner,
    pub(super) millis: u64,
    /// Pieces, lines or bytes.
    pub(super) n: usize,
    pub(super) call: Duration,
    pub(super) acquire: Duration,
    pub(super) tenant: Option<u64>,
    pub(super) priority: Priority,
}

impl Item {
    /// A call of any kind.
    pub(super) fn plan(dice: &mut Dice) -> Self {
        let row = dice.weighted(ROWS, |row| row.weight);
        let plugin = row.plugins[dice.index(row.plugins.len())];
        Self::of(dice, row, plugin)
    }

    /// A call of a plugin that is called often, so that its workers are kept, shared and worn out.
    pub(super) fn plan_for(dice: &mut Dice, plugin: &'static str) -> Self {
        let weight = |row: &Row| if row.plugins.contains(&plugin) { row.weight } else { 0 };
        let row = dice.weighted(ROWS, weight);
        Self::of(dice, row, plugin)
    }

    fn of(dice: &mut Dice, row: &'static Row, plugin: &'static str) -> Self {
        let manner = manner(dice);
        let call = match (row.endless, dice.chance(4)) {
            (true, _) => dice.millis(100..1200),
            (false, true) => dice.millis(1..40),
            (false, false) => CALL,
        };
        Self {
            row,
            plugin,
            token: dice.next() >> 12,
            manner,
            millis: if dice.chance(5) { 300 } else { dice.below(30) },
            n: amount(row, dice),
            call,
            acquire: if dice.chance(5) { dice.millis(1..60) } else { ACQUIRE },
            tenant: dice.chance(40).then(|| dice.below(3)),
            priority: [Priority::Low, Priority::Normal, Priority::Normal, Priority::High][dice.index(4)],
        }
    }

    /// Whether the caller itself ends it.
    pub(super) fn is_cancelled(&self) -> bool {
        matches!(self.manner, Manner::Cancel(_))
    }

    /// The file in which its handler notes each start.
    pub(super) fn tally(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{}-{}", self.row.handler, self.token))
    }

    /// The value that an echo sends.
    pub(super) fn value(&self, bytes: usize) -> String {
        let mut text = self.token.to_string();
        text.extend(std::iter::repeat_n('.', bytes));
        text
    }

    /// The request, on a stage whose directories are given.
    pub(super) fn request(&self, faults: &Path, tallies: &Path) -> ExecutionRequest {
        let mut request = ExecutionRequest::new(self.plugin, self.row.handler).unwrap();
        let order = Order {
            token: self.token,
            millis: self.millis,
            n: self.n,
            tally: (self.row.shape == Shape::Tally).then(|| self.tally(tallies)),
        };
        request = match self.row.shape {
            Shape::Value { bytes } => request.with_input(&self.value(bytes)).unwrap(),
            _ => request.with_input(&order).unwrap(),
        };
        if self.row.shape == Shape::Fault {
            request.descriptor.handler = HandlerId::new("run").unwrap();
            request.plugin_root = Some(faults.join(self.row.handler));
        }
        if self.row.shape == Shape::Invalid {
            request.plugin_root = Some("no/absolute/path".into());
        }
        request.descriptor.tenant = self.tenant.map(|n| TenantId::new(&format!("tenant-{n}")).unwrap());
        request.priority = self.priority;
        request.timeouts.call = Some(self.call);
        request.timeouts.acquire = Some(self.acquire);
        request.timeouts.grace = Some(GRACE);
        request
    }
}

fn manner(dice: &mut Dice) -> Manner {
    match dice.below(100) {
        0..45 => Manner::Wait,
        45..60 => Manner::Read,
        60..66 => Manner::ReadSlowly(dice.millis(1..15)),
        66..72 => Manner::Ignore(dice.millis(1..200)),
        72..80 => Manner::Cancel(dice.millis(0..60)),
        80..92 => Manner::DropAfterPolls(dice.below(9)),
        92..97 => Manner::Drop(dice.millis(0..60)),
        _ => Manner::Detach,
    }
}

/// How much a call of that kind writes or sends.
fn amount(row: &Row, dice: &mut Dice) -> usize {
    match row.handler {
        "print" => 1 + dice.index(4 << 20),
        "log" => 1 + dice.index(5_000),
        _ => 1 + dice.index(40),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_plans_the_same_calls_each_time_and_every_kind_of_them() {
        let plan = |seed| {
            let mut dice = Dice::of(seed, 3);
            (0..5000).map(|_| Item::plan(&mut dice)).collect::<Vec<_>>()
        };
        let told = |plan: &[Item]| format!("{plan:?}");
        assert_eq!(told(&plan(1)), told(&plan(1)));
        assert_ne!(told(&plan(1)), told(&plan(2)));
        let items = plan(1);
        for row in ROWS {
            assert!(items.iter().any(|item| item.row.name == row.name), "`{}` is never called", row.name);
        }
    }
}
