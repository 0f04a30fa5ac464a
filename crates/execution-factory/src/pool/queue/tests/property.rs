//! Random histories: after each step the queue says what the naive model says, and nobody is lost or forgotten.

use proptest::prelude::*;

use super::super::Woken;
use super::model::{LANES, Model, plugin_of, weight_of};
use super::*;

#[derive(Debug, Clone, Copy)]
enum Op {
    Submit { lane: u32, tenant: Option<u32>, level: Level, bytes: u64, patience: Option<u64> },
    TryRun { lane: u32, tenant: Option<u32>, level: Level },
    Cancel(usize),
    Take(u32),
    Release(usize),
    PutBack(usize),
    Pass(u64),
    Drain(u32),
    Workers(u32, usize),
    Coming(u32, usize),
    Yield(u32),
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        3 => Just(Level::Low),
        4 => Just(Level::Normal),
        2 => Just(Level::High),
        1 => Just(Level::Nested),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let lane = || 0..LANES;
    let tenant = || prop::option::weighted(0.8, 0_u32..3);
    let submit = (lane(), tenant(), level(), 0_u64..40, prop::option::of(0_u64..3000));
    prop_oneof![
        10 => submit.prop_map(|(lane, tenant, level, bytes, patience)| Op::Submit { lane, tenant, level, bytes, patience }),
        2 => (lane(), tenant(), level()).prop_map(|(lane, tenant, level)| Op::TryRun { lane, tenant, level }),
        2 => any::<usize>().prop_map(Op::Cancel),
        8 => lane().prop_map(Op::Take),
        6 => any::<usize>().prop_map(Op::Release),
        2 => any::<usize>().prop_map(Op::PutBack),
        3 => (0_u64..800).prop_map(Op::Pass),
        1 => lane().prop_map(Op::Drain),
        3 => (lane(), 0_usize..4).prop_map(|(lane, n)| Op::Workers(lane, n)),
        2 => (lane(), 0_usize..3).prop_map(|(lane, n)| Op::Coming(lane, n)),
        3 => lane().prop_map(Op::Yield),
    ]
}

fn any_config() -> impl Strategy<Value = QueueConfig> {
    let bound = |most: usize| prop::option::of(1..=most);
    (1_usize..30, 50_u64..600, bound(10), bound(10), bound(4), bound(3), any::<bool>()).prop_map(
        |(limit, byte_limit, plugin_limit, tenant_limit, plugin_cap, tenant_cap, rejects)| QueueConfig {
            limit,
            byte_limit,
            plugin_limit,
            tenant_limit,
            plugin_cap,
            tenant_cap,
            on_cap: if rejects { CapPolicy::Reject } else { CapPolicy::Wait },
            ..config()
        },
    )
}

/// A queue and its model, side by side.
struct Pair {
    queue: FairQueue,
    model: Model,
    now: Instant,
    next_ticket: u64,
    /// Let in, and gone by any of the ways out.
    n_in: usize,
    n_out: usize,
    /// The lane that may have a new head without being announced: the one that was just spoken of.
    own_lane: Option<u32>,
}

impl Pair {
    fn new(config: QueueConfig) -> Self {
        let mut queue = FairQueue::new(config.clone());
        for lane in 0..LANES {
            queue.add_lane(LaneKey(lane), plugin_of(lane), weight_of(plugin_of(lane)));
        }
        let (model, now) = (Model::new(config), Instant::now());
        Self { queue, model, now, next_ticket: 0, n_in: 0, n_out: 0, own_lane: None }
    }

    fn new_waiter(&mut self, lane: u32, tenant: Option<u32>, level: Level) -> Waiter {
        self.next_ticket += 1;
        Waiter {
            ticket: Ticket(self.next_ticket),
            lane: LaneKey(lane),
            plugin: plugin_of(lane),
            tenant: tenant.map(TenantKey),
            level,
            bytes: 0,
            since: self.now,
            deadline: None,
        }
    }

    fn apply(&mut self, op: Op) -> Result<(), TestCaseError> {
        self.own_lane = None;
        match op {
            Op::Submit { lane, tenant, level, bytes, patience } => {
                let deadline = patience.map(|millis| self.now + Duration::from_millis(millis));
                let waiter = Waiter { bytes, deadline, ..self.new_waiter(lane, tenant, level) };
                let is_in = self.queue.submit(self.now, waiter.clone()).is_ok();
                prop_assert_eq!(is_in, self.model.admits(&waiter));
                if is_in {
                    (self.own_lane, self.n_in) = (Some(lane), self.n_in + 1);
                    self.model.enter(self.now, waiter);
                }
            }
            Op::TryRun { lane, tenant, level } => {
                let waiter = self.new_waiter(lane, tenant, level);
                let runs = self.queue.try_run(waiter.plugin, waiter.tenant, level);
                prop_assert_eq!(runs, self.model.may_run(&waiter));
                if runs {
                    self.n_in += 1;
                    self.model.running.push(waiter);
                }
            }
            Op::Cancel(n) => {
                let ticket = Ticket(n as u64 % (self.next_ticket + 1));
                let left = self.model.leave(ticket);
                self.n_out += usize::from(left.is_some());
                prop_assert_eq!(self.queue.cancel(ticket), left);
            }
            Op::Take(lane) => self.take(lane)?,
            Op::Release(n) => {
                self.release(n);
            }
            Op::PutBack(n) => {
                if let Some(waiter) = self.release(n) {
                    (self.own_lane, self.n_out) = (Some(waiter.lane.0), self.n_out - 1);
                    self.queue.put_back(self.now, waiter.clone());
                    self.model.enter(self.now, waiter);
                }
            }
            Op::Pass(millis) => self.pass(millis)?,
            Op::Drain(lane) => {
                let mut left: Vec<Waiter> = self.queue.drain_lane(LaneKey(lane));
                self.n_out += left.len();
                prop_assert!(left.is_sorted_by_key(|waiter| waiter.ticket));
                left.retain(|waiter| self.model.leave(waiter.ticket).as_ref() != Some(waiter));
                prop_assert!(
                    left.is_empty() && self.model.waiting.iter().all(|waiter| waiter.lane.0 != lane)
                );
            }
            Op::Workers(lane, n) => {
                self.queue.set_workers(LaneKey(lane), n);
                self.model.workers.insert(lane, n);
            }
            Op::Coming(lane, n) => {
                self.queue.set_coming(LaneKey(lane), n);
                self.model.coming.insert(lane, n);
            }
            Op::Yield(lane) => self.yields(lane)?,
        }
        Ok(())
    }

    fn take(&mut self, lane: u32) -> Result<(), TestCaseError> {
        let wanted = self.model.head(lane).cloned();
        let taken = self.queue.take(LaneKey(lane));
        prop_assert_eq!(&taken, &wanted);
        if let Some(waiter) = taken {
            self.model.leave(waiter.ticket);
            self.model.running.push(waiter);
            self.own_lane = Some(lane);
        }
        Ok(())
    }

    fn release(&mut self, n: usize) -> Option<Waiter> {
        let at = n.checked_rem(self.model.running.len())?;
        let waiter = self.model.running.swap_remove(at);
        let service = Duration::from_millis(n as u64 % 100);
        self.queue.release(waiter.plugin, waiter.tenant, waiter.level, service);
        self.n_out += 1;
        Some(waiter)
    }

    fn pass(&mut self, millis: u64) -> Result<(), TestCaseError> {
        self.now += Duration::from_millis(millis);
        while let Some(waiter) = self.queue.expire(self.now) {
            prop_assert!(waiter.deadline.is_some_and(|at| at <= self.now));
            prop_assert_eq!(self.model.leave(waiter.ticket), Some(waiter));
            self.n_out += 1;
        }
        prop_assert!(self.model.waiting.iter().all(|waiter| waiter.deadline.is_none_or(|at| at > self.now)));
        self.queue.age(self.now);
        self.model.age(self.now);
        Ok(())
    }

    fn yields(&mut self, lane: u32) -> Result<(), TestCaseError> {
        let wanting = self.queue.wanting().map(|other| other.0);
        let (level, own) = (self.model.wanting().0, self.model.head_level(lane));
        let answer = self.queue.yields_to(LaneKey(lane)).map(|other| other.0);
        let is_other = wanting.is_some_and(|other| other != lane);
        if is_other && own < level {
            prop_assert_eq!(answer, wanting, "a more urgent one, or an idle worker");
        } else if let Some(other) = answer {
            prop_assert!(other != lane && own == level);
            let (mine, its) = (plugin_of(lane), plugin_of(other));
            let across = |workers: usize, weight: PluginKey| workers * weight_of(weight) as usize;
            let (n_mine, n_its) = (self.model.workers_of(mine), self.model.workers_of(its));
            let entitled = if mine == its {
                self.model.workers.get(&other).is_none_or(|n| *n == 0)
            } else {
                across(n_its, mine) < across(n_mine, its)
            };
            prop_assert!(entitled);
        }
        Ok(())
    }

    /// All that the two can be asked. `had_head` are the lanes that had an open head before the last step.
    fn compare(&mut self, had_head: &[bool]) -> Result<(), TestCaseError> {
        let woken: Vec<Woken> = std::iter::from_fn(|| self.queue.woken()).collect();
        for (lane, had) in (0..LANES).zip(had_head) {
            prop_assert_eq!(self.queue.head(LaneKey(lane)), self.model.head(lane), "head of {}", lane);
            let n_waiting = self.model.waiting.iter().filter(|waiter| waiter.lane.0 == lane).count();
            prop_assert_eq!(self.queue.waiting_in(LaneKey(lane)), n_waiting);
            if !had && self.own_lane != Some(lane) && self.model.open_head(lane).is_some() {
                prop_assert!(Model::announces(&woken, lane), "lane {} was not woken", lane);
            }
        }
        for plugin in (0..3).map(PluginKey) {
            let running = || self.model.running.iter().filter(|waiter| waiter.plugin == plugin);
            prop_assert_eq!(self.queue.running_of(plugin), running().count());
            let n_bounded = running().filter(|waiter| waiter.level != Level::Nested).count();
            prop_assert!(self.model.config.plugin_cap.is_none_or(|cap| n_bounded <= cap));
        }
        for tenant in (0..3).map(TenantKey) {
            let is_meant = |waiter: &&Waiter| waiter.tenant == Some(tenant) && waiter.level != Level::Nested;
            let n_bounded = self.model.running.iter().filter(is_meant).count();
            prop_assert!(self.model.config.tenant_cap.is_none_or(|cap| n_bounded <= cap));
        }
        let wanting = self.queue.wanting().map(|lane| lane.0);
        let wanted = self.model.wanting().1;
        prop_assert!(
            wanting.map_or(wanted.is_empty(), |lane| wanted.contains(&lane)),
            "{:?} {:?}",
            wanting,
            wanted
        );
        prop_assert_eq!(self.queue.next_event(), self.model.next_event());
        prop_assert_eq!(self.queue.len(), self.model.waiting.len());
        prop_assert_eq!(
            self.queue.bytes(),
            self.model.waiting.iter().map(|waiter| waiter.bytes).sum::<u64>()
        );
        let longest = self.model.waiting.iter().map(|waiter| self.now.duration_since(waiter.since)).max();
        prop_assert_eq!(self.queue.longest_wait(self.now), longest.unwrap_or_default());
        prop_assert_eq!(self.n_in, self.n_out + self.model.waiting.len() + self.model.running.len());
        Ok(())
    }

    /// Ends everything and looks whether anything is remembered.
    fn end(&mut self) -> Result<(), TestCaseError> {
        for lane in 0..LANES {
            self.apply(Op::Drain(lane))?;
            self.apply(Op::Workers(lane, 0))?;
            self.queue.drop_lane(LaneKey(lane));
        }
        while self.release(0).is_some() {}
        let queue = &self.queue;
        prop_assert_eq!((queue.lanes.len(), queue.plugins.len(), queue.tenants.len()), (0, 0, 0));
        prop_assert_eq!((queue.standings.len(), queue.bounded, queue.bytes), (0, (0, 0), 0));
        prop_assert_eq!((queue.next_event(), queue.wanting(), queue.len()), (None, None, 0));
        Ok(())
    }
}

proptest! {
    #[test]
    fn any_history_is_as_the_model_says(config in any_config(), ops in prop::collection::vec(op(), 1..80)) {
        let mut pair = Pair::new(config);
        for op in ops {
            let had_head: Vec<bool> = (0..LANES).map(|lane| pair.model.open_head(lane).is_some()).collect();
            pair.apply(op)?;
            pair.compare(&had_head)?;
        }
        pair.end()?;
    }

    #[test]
    fn of_one_lane_and_priority_nobody_overtakes(
        levels in prop::collection::vec((level(), 0_u64..400, any::<bool>()), 1..60),
    ) {
        let mut pair = Pair::new(config());
        let mut taken: Vec<Waiter> = Vec::new();
        for (level, millis, takes) in levels {
            pair.pass(millis)?;
            let waiter = pair.new_waiter(0, None, level);
            pair.queue.submit(pair.now, waiter).unwrap();
            taken.extend(takes.then(|| pair.queue.take(LaneKey(0))).flatten());
        }
        taken.extend(std::iter::from_fn(|| pair.queue.take(LaneKey(0))));
        for level in [Level::Low, Level::Normal, Level::High, Level::Nested] {
            let of_level = taken.iter().filter(|waiter| waiter.level == level);
            prop_assert!(of_level.is_sorted_by_key(|waiter| waiter.ticket));
        }
    }
}
