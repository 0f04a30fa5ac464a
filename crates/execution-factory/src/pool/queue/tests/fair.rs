//! Fairness over many calls, in a pool of which only the slots and the clock are simulated.

use std::collections::BTreeMap;

use super::*;

/// A plugin that always has enough to do, with calls that take between two times in microseconds.
struct Load {
    weight: u32,
    service: (u64, u64),
}

#[derive(Debug, Default)]
struct Tally {
    /// Run time by plugin in microseconds.
    service: BTreeMap<u32, u64>,
    /// How often a slot changed hands.
    moves: usize,
}

/// A multiplicative congruential generator (Park and Miller): the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn between(&mut self, (low, high): (u64, u64)) -> u64 {
        self.0 = self.0 * 48_271 % 0x7FFF_FFFF;
        low + self.0 % (high - low + 1)
    }
}

/// One pool at work. Every worker that is free takes at once.
struct Pool {
    bench: Bench,
    dice: Dice,
    loads: Vec<Load>,
    workers: BTreeMap<u32, usize>,
    /// When a call ends, its worker's number to tell two apart, its lane and its time.
    running: BTreeMap<(u64, usize), (u32, u64)>,
    next_ticket: u64,
    clock: u64,
}

impl Pool {
    fn new(loads: Vec<Load>) -> Self {
        let mut bench = Bench::new(config());
        for (lane, load) in (0..).zip(&loads) {
            bench.queue.add_lane(LaneKey(lane), PluginKey(lane), load.weight);
        }
        let (workers, running) = (BTreeMap::new(), BTreeMap::new());
        Self { bench, dice: Dice(2025), loads, workers, running, next_ticket: 0, clock: 0 }
    }

    fn arrive(&mut self, lane: u32) {
        let since = self.bench.start + Duration::from_micros(self.clock);
        let waiter = Waiter { since, ..self.bench.waiter(self.next_ticket, lane) };
        self.next_ticket += 1;
        self.bench.queue.submit(since, waiter).unwrap();
    }

    fn begin(&mut self, worker: usize, lane: u32) {
        assert!(self.bench.take(lane).is_some());
        let service = self.dice.between(self.loads[lane as usize].service);
        self.running.insert((self.clock + service, worker), (lane, service));
        self.arrive(lane);
    }

    fn resize(&mut self, lane: u32, up: bool) {
        let n = self.workers.entry(lane).or_default();
        *n = if up { *n + 1 } else { *n - 1 };
        self.bench.queue.set_workers(LaneKey(lane), *n);
    }

    /// Gives all slots to whom they are due.
    fn fill(&mut self, slots: usize) {
        for worker in 0..slots {
            let lane = self.bench.wanting().unwrap();
            self.resize(lane, true);
            self.begin(worker, lane);
        }
    }

    fn run(&mut self, calls: usize) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..calls {
            let ((clock, worker), (lane, service)) = self.running.pop_first().unwrap();
            self.clock = clock;
            self.bench.queue.age(self.bench.start + Duration::from_micros(clock));
            let span = Duration::from_micros(service);
            self.bench.queue.release(PluginKey(lane), None, Level::Normal, span);
            *tally.service.entry(lane).or_default() += service;
            let next = self.bench.yields_to(lane);
            if let Some(other) = next {
                tally.moves += 1;
                self.resize(lane, false);
                self.resize(other, true);
            }
            self.begin(worker, next.unwrap_or(lane));
        }
        tally
    }
}

/// Each plugin's run time is its weight's share of the whole, give or take ten per cent.
#[track_caller]
fn check_shares(tally: &Tally, loads: &[Load]) {
    let all: u64 = tally.service.values().sum();
    let weights: u32 = loads.iter().map(|load| load.weight).sum();
    for (lane, load) in (0..).zip(loads) {
        let due = all * u64::from(load.weight) / u64::from(weights);
        let got = tally.service.get(&lane).copied().unwrap_or(0);
        assert!(got.abs_diff(due) * 10 <= due, "plugin {lane} is due {due} of {tally:?}");
    }
}

#[test]
fn backlogged_plugins_get_run_time_by_weight_and_keep_their_workers() {
    let loads = || vec![Load { weight: 1, service: (1000, 9000) }, Load { weight: 3, service: (1000, 9000) }];
    let mut pool = Pool::new(loads());
    pool.arrive(0);
    pool.fill(4);
    assert_eq!(pool.workers, BTreeMap::from([(0, 4)]));
    pool.arrive(1);
    let settling = pool.run(100);
    assert_eq!(settling.moves, 3);
    let tally = pool.run(1000);
    check_shares(&tally, &loads());
    assert_eq!((tally.moves, pool.workers), (0, BTreeMap::from([(0, 1), (1, 3)])));
}

#[test]
fn three_plugins_on_two_slots_take_turns() {
    let loads = || (0..3).map(|_| Load { weight: 1, service: (1000, 9000) }).collect::<Vec<_>>();
    let mut pool = Pool::new(loads());
    (0..3).for_each(|lane| pool.arrive(lane));
    pool.fill(2);
    let tally = pool.run(3000);
    check_shares(&tally, &loads());
    // A slot changes hands once in a turn of 50 ms.
    let turns = tally.service.values().sum::<u64>() / 50_000;
    assert!(tally.moves as u64 <= turns + 3, "{tally:?}");
    assert!(tally.moves as u64 * 4 >= turns, "{tally:?}");
}

#[test]
fn long_calls_do_not_get_a_plugin_more_run_time() {
    let times = [(200_000, 400_000), (1000, 9000), (20_000, 60_000)];
    let loads = || times.map(|service| Load { weight: 1, service }).into_iter().collect::<Vec<_>>();
    let mut pool = Pool::new(loads());
    (0..3).for_each(|lane| pool.arrive(lane));
    pool.fill(2);
    check_shares(&pool.run(8000), &loads());
}

#[test]
fn weights_hold_where_slots_cannot_be_split_by_them() {
    // Slots, weights, and the most that one slot's share of the run time may cost in moves.
    let rows: [(usize, &[u32]); 6] =
        [(1, &[1, 2, 3]), (1, &[1, 1000]), (2, &[1, 3]), (4, &[1, 2]), (10, &[1, 1, 1]), (3, &[1, 2, 5, 1])];
    for (slots, weights) in rows {
        let loads = || weights.iter().map(|weight| Load { weight: *weight, service: (1000, 9000) }).collect();
        let mut pool = Pool::new(loads());
        (0..).zip(weights).for_each(|(lane, _)| pool.arrive(lane));
        pool.fill(slots);
        let tally = pool.run(8000);
        println!("{slots} {weights:?} {tally:?}");
        if weights != [1, 1000] {
            check_shares(&tally, &loads());
        }
        let turns = tally.service.values().sum::<u64>() / 50_000;
        assert!(tally.moves as u64 <= turns + 5, "{turns} turns, {tally:?}");
    }
}
