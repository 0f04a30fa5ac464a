//! What a simulated pool is made with: small numbers, so that every bound is met often.

use std::time::Duration;

use super::super::scheduler_core::SchedulerConfig;
use super::dice::Dice;
use crate::pool::lifecycle::{Bounds, BreakerConfig, WearLimits};
use crate::pool::queue::{CapPolicy, QueueConfig};

/// Workers of a pool, at most.
pub(super) const MOST_WORKERS: u8 = 6;

/// A worker identity.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneSetup {
    pub(super) plugin: u8,
    pub(super) weight: u32,
    pub(super) warm: usize,
    /// Its workers say that the handler `shared` may run beside other calls.
    pub(super) concurrent: bool,
}

/// A pool, its lanes, and how its life ends.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) config: SchedulerConfig,
    pub(super) lanes: Vec<LaneSetup>,
    /// It is stopped at the end; else it comes to rest.
    pub(super) stops: bool,
}

impl Setup {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let max = dice.count(1..=usize::from(MOST_WORKERS));
        let bounds = Bounds { min: dice.count(0..=max), max };
        let mut warm_left = max;
        let n_plugins = dice.of(1..=3);
        let weights = [dice.of(1..=4), dice.of(1..=4), dice.of(1..=4)];
        let lanes = (0..dice.count(1..=4))
            .map(|_| {
                let plugin = dice.of(0..=n_plugins - 1);
                let warm = if dice.chance(20) { dice.count(0..=warm_left.min(2)) } else { 0 };
                warm_left -= warm;
                LaneSetup {
                    plugin: u8::try_from(plugin).unwrap_or(0),
                    weight: u32::try_from(weights[usize::try_from(plugin).unwrap_or(0)]).unwrap_or(1),
                    warm,
                    concurrent: dice.chance(50),
                }
            })
            .collect();
        let idle_after = millis(dice, 200, 2000);
        let config = SchedulerConfig {
            bounds,
            depth: dice.count(1..=3),
            max_surplus: dice.count(0..=3),
            queue: queue(dice),
            wear: wear(dice, idle_after),
            breaker: breaker(dice),
            idle_after,
            health_every: millis(dice, 300, 5000),
            health_within: millis(dice, 50, 500),
            seed: dice.draw(),
        };
        Self { config, lanes, stops: dice.chance(30) }
    }
}

fn queue(dice: &mut Dice) -> QueueConfig {
    let few = |dice: &mut Dice, most| dice.chance(35).then(|| dice.count(1..=most));
    QueueConfig {
        limit: dice.pick(&[0, 1, 3, 8, 1000, 1000]),
        byte_limit: dice.pick(&[100, 5000, u64::MAX, u64::MAX]),
        plugin_limit: few(dice, 5),
        tenant_limit: few(dice, 5),
        plugin_cap: few(dice, 4),
        tenant_cap: few(dice, 3),
        on_cap: dice.pick(&[CapPolicy::Wait, CapPolicy::Wait, CapPolicy::Reject]),
        turn: millis(dice, 5, 100),
        age_after: millis(dice, 20, 1000),
    }
}

fn wear(dice: &mut Dice, idle_after: Duration) -> WearLimits {
    WearLimits {
        calls: dice.chance(40).then(|| dice.of(1..=8)),
        // Replaced before it was idle for long enough, a worker would never be sent away for that.
        age: dice.chance(25).then(|| idle_after * 3 + millis(dice, 100, 3000)),
        memory: dice.chance(25).then(|| dice.of(100..=900)),
        jitter_percent: dice.pick(&[0, 10, 50]),
    }
}

fn breaker(dice: &mut Dice) -> BreakerConfig {
    let (backoff_min, quarantine) = (millis(dice, 5, 100), millis(dice, 100, 1000));
    BreakerConfig {
        limit: dice.pick(&[1, 2, 3, 5]),
        window: millis(dice, 200, 3000),
        backoff_min,
        backoff_max: backoff_min * 8,
        quarantine,
        quarantine_max: quarantine * 4,
    }
}

fn millis(dice: &mut Dice, least: u64, most: u64) -> Duration {
    Duration::from_millis(dice.of(least..=most))
}
