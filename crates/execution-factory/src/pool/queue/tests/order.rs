//! In which order waiters leave a lane, and when they leave without having run.

use super::*;

#[test]
fn a_lane_is_first_in_first_out() {
    let mut bench = Bench::new(config());
    for ticket in [1, 2, 3] {
        bench.submit_plain(ticket, 0);
    }
    assert_eq!(bench.head(0), Some(1));
    assert_eq!(bench.take_all(0), [1, 2, 3]);
    assert_eq!(bench.head(0), None);
    assert_eq!(bench.queue.running_of(PluginKey(0)), 3);
}

#[test]
fn the_higher_level_goes_first() {
    let mut bench = Bench::new(config());
    let levels = [Level::Low, Level::Normal, Level::High, Level::Nested, Level::High, Level::Low];
    for (ticket, level) in (0..).zip(levels) {
        bench.submit_at(ticket, 0, level);
    }
    assert_eq!(bench.take_all(0), [3, 2, 4, 1, 0, 5]);
}

#[test]
fn a_lane_does_not_give_another_lanes_waiters() {
    let mut bench = Bench::new(config());
    bench.submit_plain(1, 7);
    assert_eq!((bench.take(8), bench.take(7)), (None, Some(1)));
}

#[test]
fn waiting_raises_a_waiter_up_to_high_and_no_further() {
    let mut bench = Bench::new(config());
    bench.submit_at(1, 0, Level::Low);
    bench.submit_at(2, 0, Level::Normal);
    bench.submit_at(3, 0, Level::High);
    bench.submit_at(4, 0, Level::Nested);
    let rows: [(u64, &[u64]); 3] = [(999, &[4, 3, 2, 1]), (1000, &[4, 2, 3, 1]), (60_000, &[4, 1, 2, 3])];
    for (millis, wanted) in rows {
        bench.queue.age(bench.at(millis));
        let taken: Vec<Waiter> = std::iter::from_fn(|| bench.queue.take(LaneKey(0))).collect();
        assert_eq!(
            taken.iter().map(|waiter| waiter.ticket.0).collect::<Vec<_>>(),
            wanted,
            "after {millis} ms"
        );
        for waiter in taken {
            bench.queue.release(waiter.plugin, None, waiter.level, Duration::ZERO);
            bench.queue.put_back(bench.at(millis), waiter);
        }
    }
    assert_eq!(bench.queue.next_event(), None);
}

#[test]
fn the_next_event_is_the_next_deadline_or_step() {
    let mut bench = Bench::new(config());
    assert_eq!(bench.queue.next_event(), None);
    bench.submit_at(1, 0, Level::Low);
    assert_eq!(bench.queue.next_event(), Some(bench.at(1000)));
    bench.submit(Waiter { deadline: Some(bench.at(400)), ..bench.waiter(2, 0) });
    assert_eq!(bench.queue.next_event(), Some(bench.at(400)));
    bench.queue.cancel(Ticket(2));
    bench.queue.age(bench.at(1000));
    assert_eq!(bench.queue.next_event(), Some(bench.at(2000)));
    bench.queue.age(bench.at(2000));
    assert_eq!(bench.queue.next_event(), None);
}

#[test]
fn a_low_waiter_comes_through_a_flood_of_urgent_ones() {
    let mut bench = Bench::new(config());
    bench.submit_at(0, 0, Level::Low);
    let mut taken = Vec::new();
    for ticket in 1..500 {
        let now = bench.at(ticket * 10);
        bench.queue.age(now);
        for flood in [2 * ticket, 2 * ticket + 1] {
            let waiter = Waiter { level: Level::High, since: now, ..bench.waiter(flood, 0) };
            bench.queue.submit(now, waiter).unwrap();
        }
        taken.extend(bench.take(0));
        bench.release(0, None, 10);
    }
    // It is high after two seconds, and then only those that came before it are before it: none.
    assert_eq!(taken.iter().position(|ticket| *ticket == 0), Some(199));
}

#[test]
fn expiry_takes_those_whose_deadline_is_reached() {
    let mut bench = Bench::new(config());
    for (ticket, deadline) in [(1, Some(300)), (2, Some(100)), (3, None), (4, Some(301))] {
        let deadline = deadline.map(|millis| bench.at(millis));
        bench.submit(Waiter { deadline, ..bench.waiter(ticket, 0) });
    }
    let now = bench.at(300);
    let expired: Vec<u64> =
        std::iter::from_fn(|| bench.queue.expire(now)).map(|waiter| waiter.ticket.0).collect();
    assert_eq!(expired, [2, 1]);
    assert_eq!((bench.queue.len(), bench.queue.bytes()), (2, 2));
    assert_eq!(bench.take_all(0), [3, 4]);
}

#[test]
fn what_is_cancelled_is_gone_and_may_be_cancelled_again() {
    let mut bench = Bench::new(config());
    bench.submit_plain(1, 0);
    bench.submit_plain(2, 0);
    assert_eq!(bench.queue.cancel(Ticket(1)).map(|waiter| waiter.ticket), Some(Ticket(1)));
    assert_eq!(bench.queue.cancel(Ticket(1)), None);
    assert_eq!(bench.take_all(0), [2]);
}

#[test]
fn what_is_put_back_keeps_its_place_and_its_age() {
    let mut bench = Bench::with(|config| config.limit = 2);
    bench.submit_plain(1, 0);
    bench.submit_plain(2, 0);
    let first = bench.queue.take(LaneKey(0)).unwrap();
    bench.submit_plain(3, 0);
    bench.release(0, None, 0);
    bench.queue.put_back(bench.at(1500), first);
    assert_eq!(bench.queue.len(), 3, "the limit does not hold for it");
    bench.submit_at_now(4, Level::High);
    assert_eq!(bench.queue.longest_wait(bench.at(1500)), Duration::from_millis(1500));
    // It has become high by waiting; of two that are high the older goes first.
    assert_eq!(bench.take_all(0), [1, 4, 2, 3]);
}

impl Bench {
    /// One more than the limit lets in.
    fn submit_at_now(&mut self, ticket: u64, level: Level) {
        let waiter = Waiter { level, ..self.waiter(ticket, 0) };
        assert!(self.queue.submit(self.start, waiter.clone()).is_err());
        self.queue.put_back(self.start, waiter);
    }
}

#[test]
fn draining_a_lane_takes_those_set_aside_too() {
    let mut bench = Bench::with(|config| config.tenant_cap = Some(1));
    for (ticket, lane) in [(1, 0), (2, 0), (3, 1), (4, 0)] {
        bench.submit_for(ticket, lane, 9);
    }
    bench.workers(0, 1);
    assert_eq!((bench.head(0), bench.head(1)), (Some(1), None));
    let drained: Vec<u64> =
        bench.queue.drain_lane(LaneKey(0)).into_iter().map(|waiter| waiter.ticket.0).collect();
    assert_eq!(drained, [1, 2, 4]);
    assert_eq!((bench.queue.len(), bench.queue.waiting_in(LaneKey(0))), (1, 0));
    assert_eq!(bench.head(1), Some(3));
    assert_eq!(bench.queue.drain_lane(LaneKey(55)), []);
}

#[test]
fn a_waiter_is_small() {
    let place = size_of::<super::super::fair_queue::Place>();
    assert!(place <= 88, "a place takes {place} bytes");
}
