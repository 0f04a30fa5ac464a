//! Who gets a free slot, and who has to give one up.

use super::*;

/// Workers, weight and the levels of those waiting, lane by lane, and the lane that gets the slot.
#[track_caller]
fn check_wanting(rows: &[(usize, u32, &[Level])], wanted: Option<u32>) {
    let mut bench = Bench::new(config());
    let mut ticket = 0;
    for (lane, (workers, weight, levels)) in (0..).zip(rows) {
        bench.queue.add_lane(LaneKey(lane), PluginKey(lane), *weight);
        bench.workers(lane, *workers);
        for level in *levels {
            bench.submit_at(ticket, lane, *level);
            ticket += 1;
        }
    }
    assert_eq!(bench.wanting(), wanted, "{rows:?}");
}

#[test]
fn a_free_slot_goes_by_level_then_by_share() {
    use Level::{High, Low, Nested, Normal};
    check_wanting(&[], None);
    check_wanting(&[(0, 1, &[])], None);
    check_wanting(&[(0, 1, &[Low]), (9, 1, &[Normal])], Some(1));
    check_wanting(&[(0, 1, &[High]), (9, 1, &[Low, Nested])], Some(1));
    check_wanting(&[(2, 1, &[Low]), (1, 1, &[Low])], Some(1));
    // 2/3 is less than 1/1, 3/3 is more than 2/3.
    check_wanting(&[(1, 1, &[Low]), (2, 3, &[Low])], Some(1));
    check_wanting(&[(3, 3, &[Low]), (2, 3, &[Low])], Some(1));
    // A weight of zero counts as one.
    check_wanting(&[(1, 0, &[Low]), (1, 2, &[Low])], Some(1));
    check_wanting(&[(5, 1, &[]), (7, 1, &[Low])], Some(1));
}

#[test]
fn equal_plugins_get_slots_in_turn() {
    let mut bench = Bench::new(config());
    for ticket in 0..30 {
        bench.submit_plain(ticket, u32::try_from(ticket % 3).unwrap());
    }
    let mut given = Vec::new();
    for n in 1..=3 {
        for _ in 0..3 {
            let lane = bench.wanting().unwrap();
            bench.workers(lane, n);
            given.push(lane);
        }
    }
    assert_eq!(given, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    // One that was given a slot again stands behind those that were given one before.
    bench.workers(0, 2);
    bench.workers(0, 3);
    assert_eq!(bench.wanting(), Some(1));
}

#[test]
fn a_coming_worker_covers_the_first_waiters() {
    let mut bench = Bench::new(config());
    bench.submit_at(1, 0, Level::High);
    bench.submit_at(2, 0, Level::Low);
    bench.submit_at(3, 1, Level::Normal);
    assert_eq!(bench.wanting(), Some(0));
    bench.queue.set_coming(LaneKey(0), 1);
    assert_eq!(bench.wanting(), Some(1), "only a low one is left without a worker");
    bench.queue.set_coming(LaneKey(1), 1);
    assert_eq!(bench.wanting(), Some(0));
    bench.queue.set_coming(LaneKey(0), 2);
    assert_eq!(bench.wanting(), None);
    bench.queue.set_coming(LaneKey(0), 0);
    assert_eq!(bench.wanting(), Some(0));
}

#[test]
fn of_a_plugins_lanes_the_one_with_the_oldest_waiter_is_first() {
    let mut bench = Bench::new(config());
    for (ticket, lane) in [(2, 0), (1, 1), (3, 2)] {
        bench.submit(Waiter { plugin: PluginKey(0), ..bench.waiter(ticket, lane) });
    }
    assert_eq!(bench.wanting(), Some(1));
    bench.queue.cancel(Ticket(1));
    assert_eq!(bench.wanting(), Some(0));
}

/// Lane 0 asks with its workers, weight and level, its turn used up or not, against lane 1. Whether it yields.
#[track_caller]
fn check_yields(
    own: (usize, u32, Option<Level>),
    other: (usize, u32, Option<Level>),
    used_up: bool,
    wanted: bool,
) {
    let mut bench = Bench::new(config());
    for (lane, (workers, weight, level)) in [(0, own), (1, other)] {
        bench.queue.add_lane(LaneKey(lane), PluginKey(lane), weight);
        bench.workers(lane, workers);
        if let Some(level) = level {
            bench.submit_at(u64::from(lane), lane, level);
        }
    }
    if used_up {
        bench.release(0, None, 1_000_000);
    }
    let answer = bench.yields_to(0);
    assert_eq!(answer, wanted.then_some(1), "{own:?} {other:?} used up: {used_up}");
}

#[test]
fn a_slot_is_given_up_for_urgency_for_want_of_work_or_at_the_turns_end() {
    let (low, normal, high) = (Some(Level::Low), Some(Level::Normal), Some(Level::High));
    // Nobody else wants it.
    check_yields((1, 1, normal), (0, 1, None), true, false);
    check_yields((1, 1, None), (0, 1, None), true, false);
    // It has nothing to do itself.
    check_yields((1, 1, None), (9, 1, low), false, true);
    // Levels.
    check_yields((1, 1, normal), (9, 1, high), false, true);
    check_yields((1, 1, high), (0, 1, normal), true, false);
    // Equal levels: its turn is not over.
    check_yields((10, 1, normal), (0, 1, normal), false, false);
    // Its turn is over, and the other is entitled, or not.
    check_yields((10, 1, normal), (0, 1, normal), true, true);
    check_yields((6, 1, normal), (4, 1, normal), true, true);
    check_yields((5, 1, normal), (4, 1, normal), true, true);
    check_yields((5, 1, normal), (5, 1, normal), true, false);
    check_yields((1, 1, normal), (0, 1, normal), true, true);
    check_yields((1, 1, normal), (2, 3, normal), true, true);
    check_yields((1, 1, normal), (3, 3, normal), true, false);
    check_yields((3, 3, normal), (0, 1, normal), true, true);
    check_yields((3, 3, normal), (1, 1, normal), true, false);
}

#[test]
fn lanes_of_one_plugin_yield_only_to_one_without_a_worker() {
    for (workers, wanted) in [(0, Some(1)), (1, None)] {
        let mut bench = Bench::new(config());
        for (ticket, lane) in [(1, 1), (2, 0)] {
            bench.submit(Waiter { plugin: PluginKey(0), ..bench.waiter(ticket, lane) });
        }
        bench.workers(0, 3);
        bench.workers(1, workers);
        assert_eq!(bench.yields_to(0), None, "the turn is not over");
        for _ in 0..3 {
            bench.release(0, None, 1000);
        }
        assert_eq!(bench.yields_to(0), wanted);
    }
}

#[test]
fn ten_and_none_become_five_and_five_one_at_a_time() {
    let mut bench = Bench::new(config());
    for ticket in 0..400 {
        bench.submit_plain(2 * ticket, 0);
    }
    bench.workers(0, 10);
    for ticket in 0..100 {
        bench.submit_plain(2 * ticket + 1, 1);
    }
    let (mut own, mut other) = (10, 0);
    for _ in 0..300 {
        assert!(bench.take(0).is_some());
        bench.release(0, None, 10);
        if bench.yields_to(0) == Some(1) {
            (own, other) = (own - 1, other + 1);
            bench.workers(0, own);
            bench.workers(1, other);
        }
    }
    assert_eq!((own, other), (5, 5));
    assert_eq!(bench.yields_to(1), None);
}

#[test]
fn a_turn_lasts_its_time_for_each_weight() {
    for (weight, calls) in [(1, 5), (3, 15)] {
        let mut bench = Bench::new(config());
        bench.queue.add_lane(LaneKey(0), PluginKey(0), weight);
        bench.workers(0, 1);
        // Without others nothing is charged.
        bench.submit_plain(0, 0);
        bench.release(0, None, 10_000);
        bench.queue.add_lane(LaneKey(1), PluginKey(1), weight);
        bench.submit_plain(1, 1);
        let mut n = 0;
        while bench.yields_to(0).is_none() {
            n += 1;
            bench.release(0, None, 10);
        }
        assert_eq!(n, calls, "weight {weight}");
    }
}

#[test]
fn what_a_turn_overran_is_paid_before_the_next() {
    let mut bench = Bench::new(config());
    bench.workers(0, 1);
    for lane in [0, 1] {
        bench.queue.add_lane(LaneKey(lane), PluginKey(lane), 1);
        bench.submit_plain(u64::from(lane), lane);
    }
    bench.workers(0, 1);
    // One call of 210 ms. The other has run longer when it has had five turns.
    bench.release(0, None, 210);
    assert_eq!(bench.yields_to(0), Some(1));
    bench.workers(0, 0);
    bench.workers(1, 1);
    let mut turns = 1;
    loop {
        bench.release(1, None, 50);
        if bench.yields_to(1).is_some() {
            break;
        }
        turns += 1;
    }
    assert_eq!(turns, 5);
}

#[test]
fn what_a_long_call_overran_is_forgiven_beyond_a_bound() {
    let mut bench = Bench::new(config());
    for lane in [0, 1] {
        bench.submit_plain(u64::from(lane), lane);
    }
    bench.workers(0, 1);
    bench.release(0, None, 3_600_000);
    assert_eq!(bench.yields_to(0), Some(1));
    bench.workers(0, 0);
    bench.workers(1, 1);
    let yields = (1..100).find(|_| {
        bench.release(1, None, 50);
        bench.yields_to(1).is_some()
    });
    assert_eq!(yields, Some(21));
}

#[test]
fn who_was_away_has_no_claim_to_what_others_had_meanwhile() {
    let mut bench = Bench::new(config());
    bench.queue.add_lane(LaneKey(2), PluginKey(2), 1);
    for lane in [0, 1] {
        bench.submit_plain(u64::from(lane), lane);
        bench.workers(lane, 1);
    }
    for _ in 0..50 {
        for lane in [0, 1] {
            bench.release(lane, None, 50);
            assert_eq!(bench.yields_to(lane), None);
        }
    }
    bench.queue.cancel(Ticket(1));
    bench.workers(0, 0);
    bench.workers(2, 1);
    bench.submit_plain(2, 2);
    let n_calls = (1..100).find(|_| {
        bench.release(2, None, 10);
        bench.yields_to(2) == Some(0)
    });
    assert_eq!(n_calls, Some(5));
}

#[test]
fn what_is_used_while_nobody_wants_a_slot_does_not_count() {
    let mut bench = Bench::new(config());
    bench.queue.add_lane(LaneKey(0), PluginKey(0), 1);
    bench.workers(0, 1);
    bench.release(0, None, 10_000);
    for lane in [1, 0] {
        bench.submit_plain(u64::from(lane), lane);
    }
    bench.release(0, None, 50);
    assert_eq!(bench.yields_to(0), Some(1));
    bench.workers(0, 0);
    bench.workers(1, 1);
    // After one turn both have had as much, after the second it has had more.
    for wanted in [None, Some(0)] {
        bench.release(1, None, 50);
        assert_eq!(bench.yields_to(1), wanted);
    }
}

#[test]
fn one_at_a_long_call_does_not_hide_another() {
    let mut bench = Bench::new(config());
    for lane in 0..3 {
        bench.submit_plain(u64::from(lane), lane);
    }
    bench.workers(0, 1);
    bench.workers(1, 1);
    // Plugin 0 has used nothing yet, and as many workers as plugin 1.
    bench.release(1, None, 50);
    assert_eq!(bench.yields_to(1), Some(2));
}

#[test]
fn a_lane_that_is_held_wants_nothing_and_holds_no_other_back() {
    let mut bench = Bench::new(QueueConfig { plugin_cap: Some(2), ..config() });
    // Two lanes of one plugin, and everybody waits.
    bench.queue.add_lane(LaneKey(0), PluginKey(0), 1);
    bench.queue.add_lane(LaneKey(1), PluginKey(0), 1);
    bench.submit_at(0, 0, Level::High);
    bench.submit_at(1, 1, Level::Normal);
    assert_eq!(bench.wanting(), Some(0));
    bench.queue.set_held(LaneKey(0), true);
    assert_eq!(bench.wanting(), Some(1));
    bench.queue.set_held(LaneKey(1), true);
    assert_eq!(bench.wanting(), None);
    bench.queue.set_held(LaneKey(0), false);
    assert_eq!(bench.wanting(), Some(0));
}
