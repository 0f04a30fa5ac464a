//! How long a plugin that always has somebody waiting is without a worker at most, whatever the others do.
//!
//! # The bound
//!
//! Plugins `p` and `q` have weights `w`; a turn is `t`, the longest call `l`, a change of hands `c` (a goodbye and a
//! start). Who wants slots and has none gets the next one from a plugin whose turn is over and that has used more than it
//! for its weight. It may itself have used up to 20 turns more than the least (`MOST_TURNS_APART` in `queue::plugin`).
//! So each other plugin `q` may first use `20 t w(q)`, in turns of `t w(q)` with a change of hands after each, and then
//! one turn more, which a call may overrun; then one call has to end, and the slot comes over:
//!
//! `sum over q of (21 (t w(q) + c) + l)  +  l + c`
//!
//! That is for requests of one level. One of a lower level first has to wait until it has aged to that of the others, and
//! those of a higher one need not wait for a turn to end.
//!
//! Several workers only make it shorter. Nothing of it holds for a plugin that is held after crashes or quarantined.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use plugdock_contracts::request::Priority;
use plugdock_contracts::{HandlerId, PluginId};

use super::super::action::Action;
use super::super::input::{AfterCall, Again, CallOver, Ready, Submission};
use super::super::member::WorkerKey;
use super::super::{Scheduler, SchedulerConfig};
use super::dice::Dice;
use super::setup::Setup;
use crate::pool::lifecycle::{Bounds, WearLimits};
use crate::pool::queue::{LaneKey, QueueConfig, Ticket};

/// Pools that are tried.
const POOLS: u64 = 200;

/// Requests of each plugin that wait at any time.
const BACKLOG: usize = 4;

/// How far apart plugins may be, in turns: see `queue::plugin`.
const TURNS_APART: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Ready(WorkerKey),
    Exit(WorkerKey),
    End(Ticket),
}

#[derive(Debug)]
struct Pool {
    scheduler: Scheduler,
    dice: Dice,
    weights: Vec<u32>,
    lanes: Vec<LaneKey>,
    handler: HandlerId,
    now: Instant,
    due: BTreeSet<(Instant, Due)>,
    running: BTreeMap<Ticket, (usize, Instant)>,
    waiting: BTreeMap<Ticket, usize>,
    last_grant: Vec<Instant>,
    next_ticket: u64,
    longest_call: Duration,
    change: Duration,
    bound: Vec<Duration>,
}

impl Pool {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let n = dice.count(2..=4);
        let weights: Vec<u32> = (0..n).map(|_| dice.pick(&[1, 1, 2, 4])).collect();
        let max = dice.count(1..=4);
        let drawn = Setup::draw(&mut dice).config;
        let turn = millis(dice.of(2..=8));
        let longest_call = turn * dice.pick(&[1, 1, 3]);
        let change = millis(dice.of(1..=20));
        let far = Duration::from_hours(1);
        let queue = QueueConfig {
            turn,
            age_after: far,
            limit: 1000,
            byte_limit: u64::MAX,
            plugin_limit: None,
            tenant_limit: None,
            plugin_cap: None,
            tenant_cap: None,
            ..drawn.queue.clone()
        };
        let wear = WearLimits { calls: None, age: None, memory: None, jitter_percent: 0 };
        let config = SchedulerConfig {
            bounds: Bounds { min: 0, max },
            depth: 1,
            queue,
            wear,
            idle_after: far,
            health_every: far,
            ..drawn
        };
        let total: u32 = weights.iter().sum();
        let others = |weight: &u32| {
            let n_others = u32::try_from(n - 1).unwrap_or(0);
            (turn * (total - weight) + change * n_others) * (TURNS_APART + 1) + longest_call * n_others
        };
        let bound = weights.iter().map(|weight| others(weight) + longest_call + change);
        let now = Instant::now();
        Self {
            bound: bound.collect(),
            scheduler: Scheduler::new(config, now),
            dice,
            lanes: Vec::new(),
            handler: HandlerId::new("work").unwrap(),
            now,
            due: BTreeSet::new(),
            running: BTreeMap::new(),
            waiting: BTreeMap::new(),
            last_grant: vec![now; n],
            next_ticket: 0,
            longest_call,
            change,
            weights,
        }
    }

    /// Plays until each plugin would have waited for its bound several times.
    fn run(&mut self) {
        for n in 0..self.weights.len() {
            let plugin = PluginId::new(&format!("acme/p{n}")).unwrap();
            let lane = self.scheduler.add_lane(self.now, &plugin, self.weights[n], 0);
            self.lanes.push(lane);
        }
        for n in (0..self.weights.len()).flat_map(|n| [n; BACKLOG]) {
            self.arrive(n);
        }
        let end = self.now + self.bound.iter().max().copied().unwrap_or_default() * 3;
        while self.now < end {
            self.next();
            for (n, bound) in self.bound.iter().enumerate() {
                let waited = self.now - self.last_grant[n];
                assert!(
                    waited <= *bound,
                    "plugin {n} of {:?} waited {waited:?}, the bound is {bound:?}",
                    self.weights
                );
            }
        }
    }

    fn arrive(&mut self, n: usize) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.waiting.insert(ticket, n);
        let submission = Submission {
            ticket,
            lane: self.lanes[n],
            handler: self.handler.clone(),
            tenant: None,
            priority: Priority::Normal,
            bytes: 0,
            deadline: None,
            nested: false,
            again: false,
        };
        self.scheduler.submit(self.now, submission).unwrap();
        self.heed();
    }

    fn next(&mut self) {
        let due = self.due.first().map(|(at, _)| *at).unwrap();
        if let Some(tick) = self.scheduler.next_tick().filter(|tick| *tick < due) {
            self.now = self.now.max(tick);
            self.scheduler.tick(self.now);
            return self.heed();
        }
        let (at, due) = self.due.pop_first().unwrap();
        self.now = at;
        match due {
            Due::Ready(worker) => self.scheduler.ready(at, worker, Ready::default()),
            Due::Exit(worker) => self.scheduler.exited(at, worker, true, String::new()),
            Due::End(ticket) => {
                let (_, begun) = self.running.remove(&ticket).unwrap();
                let (worker, service) = (AfterCall::Fine, at - begun);
                let over =
                    CallOver { worker, ran: true, proved: true, service, resident: None, again: Again::No };
                self.scheduler.ended(at, ticket, over);
            }
        }
        self.heed();
    }

    fn heed(&mut self) {
        for action in self.scheduler.take_actions() {
            let half = self.change / 2;
            match action {
                Action::Start { worker, .. } => _ = self.due.insert((self.now + half, Due::Ready(worker))),
                Action::Retire { worker } => _ = self.due.insert((self.now + half, Due::Exit(worker))),
                Action::Grant { ticket, .. } => {
                    let n = self.waiting.remove(&ticket).unwrap();
                    self.last_grant[n] = self.now;
                    self.running.insert(ticket, (n, self.now));
                    let most = u64::try_from(self.longest_call.as_micros()).unwrap();
                    // Each plugin has a habit: short calls, long ones, or both.
                    let least = [1, most / 2, most][n % 3].max(1);
                    let service = Duration::from_micros(self.dice.of(least..=most));
                    self.due.insert((self.now + service, Due::End(ticket)));
                    self.arrive(n);
                }
                _ => {}
            }
        }
    }
}

const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn nobody_who_always_waits_is_without_a_worker_for_longer_than_the_bound() {
    for seed in 0..POOLS {
        Pool::new(seed).run();
    }
}
