//! What limits refuse and what caps hold back.

use super::super::{Full, Part, Woken};
use super::*;

impl Bench {
    #[track_caller]
    fn refuses(&mut self, waiter: Waiter, part: Part, waiting: u64, limit: u64) {
        let before = (self.queue.len(), self.queue.bytes());
        assert_eq!(self.queue.submit(self.start, waiter), Err(Full { part, waiting, limit }));
        assert_eq!((self.queue.len(), self.queue.bytes()), before);
    }
}

#[test]
fn a_full_queue_names_its_bound_and_lets_nested_calls_in() {
    let mut bench = Bench::with(|config| (config.limit, config.byte_limit) = (2, 10));
    bench.refuses(Waiter { bytes: 11, ..bench.waiter(1, 0) }, Part::Bytes, 0, 10);
    bench.submit(Waiter { bytes: 10, ..bench.waiter(1, 0) });
    bench.refuses(bench.waiter(2, 0), Part::Bytes, 10, 10);
    bench.submit(Waiter { bytes: 0, ..bench.waiter(2, 0) });
    bench.refuses(Waiter { bytes: 0, ..bench.waiter(3, 1) }, Part::Count, 2, 2);
    bench.submit(Waiter { bytes: 100, level: Level::Nested, ..bench.waiter(4, 0) });
    assert_eq!((bench.queue.len(), bench.queue.bytes()), (3, 110));
    // What nested calls use is not taken from the others.
    assert_eq!(bench.queue.cancel(Ticket(1)).map(|waiter| waiter.bytes), Some(10));
    bench.submit(Waiter { bytes: 10, ..bench.waiter(5, 0) });
}

#[test]
fn a_queue_of_no_places_refuses_all_but_nested_calls() {
    let mut bench = Bench::with(|config| config.limit = 0);
    bench.refuses(bench.waiter(1, 0), Part::Count, 0, 0);
    bench.submit_at(2, 0, Level::Nested);
}

#[test]
fn plugins_and_tenants_have_limits_of_their_own() {
    let mut bench = Bench::with(|config| (config.plugin_limit, config.tenant_limit) = (Some(2), Some(1)));
    bench.submit_for(1, 0, 9);
    bench.refuses(Waiter { tenant: Some(TenantKey(9)), ..bench.waiter(2, 1) }, Part::Tenant, 1, 1);
    bench.submit_plain(3, 0);
    bench.refuses(bench.waiter(4, 0), Part::Plugin, 2, 2);
    bench.submit_plain(5, 1);
    bench.submit_plain(6, 1);
    assert_eq!(bench.take(0), Some(1));
    bench.submit_for(7, 0, 9);
    let mut none = Bench::with(|config| config.tenant_limit = Some(0));
    none.refuses(Waiter { tenant: Some(TenantKey(9)), ..none.waiter(1, 0) }, Part::Tenant, 0, 0);
}

#[test]
fn a_plugin_at_its_cap_is_passed_over_in_all_its_lanes() {
    let mut bench = Bench::with(|config| config.plugin_cap = Some(1));
    let plugin = PluginKey(5);
    for (ticket, lane) in [(1, 0), (2, 1), (3, 0)] {
        bench.submit(Waiter { plugin, ..bench.waiter(ticket, lane) });
    }
    assert_eq!((bench.wanting(), bench.take(0)), (Some(0), Some(1)));
    assert_eq!((bench.head(0), bench.head(1), bench.wanting()), (None, None, None));
    assert!(!bench.queue.try_run(plugin, None, Level::High));
    bench.submit(Waiter { plugin, level: Level::Nested, ..bench.waiter(4, 1) });
    assert_eq!((bench.wanting(), bench.take(1), bench.take(1)), (Some(1), Some(4), None));
    assert_eq!(bench.queue.running_of(plugin), 2);
    bench.queue.release(plugin, None, Level::Nested, Duration::ZERO);
    assert_eq!((bench.head(1), bench.queue.woken()), (None, None), "a nested call holds nothing of the cap");
    bench.queue.release(plugin, None, Level::Normal, Duration::ZERO);
    assert_eq!((bench.queue.woken(), bench.queue.woken()), (Some(Woken::Plugin(plugin)), None));
    assert_eq!((bench.head(0), bench.head(1), bench.wanting()), (Some(3), Some(2), Some(1)));
}

#[test]
fn no_worker_is_wanted_for_what_the_cap_will_not_let_run() {
    let mut bench = Bench::with(|config| config.plugin_cap = Some(2));
    for ticket in 1..=4 {
        bench.submit_plain(ticket, 0);
    }
    assert_eq!(bench.take(0), Some(1));
    assert_eq!(bench.wanting(), Some(0));
    bench.queue.set_coming(LaneKey(0), 1);
    assert_eq!((bench.wanting(), bench.head(0)), (None, Some(2)));
}

#[test]
fn a_tenant_at_its_cap_does_not_block_others_in_its_lane() {
    let mut bench = Bench::with(|config| config.tenant_cap = Some(1));
    bench.submit_for(1, 0, 9);
    bench.submit_for(2, 0, 9);
    bench.submit_for(3, 0, 9);
    bench.submit_for(4, 0, 8);
    bench.submit_plain(5, 0);
    assert_eq!(bench.take_all(0), [1, 4, 5]);
    assert_eq!((bench.queue.waiting_in(LaneKey(0)), bench.wanting()), (2, None));
    bench.submit_plain(6, 0);
    bench.release(0, Some(9), 1);
    assert_eq!(bench.take_all(0), [2, 6], "it is back at its old place");
    bench.release(0, Some(8), 1);
    assert_eq!(bench.take(0), None);
    bench.release(0, Some(9), 1);
    assert_eq!(bench.take(0), Some(3));
}

#[test]
fn a_place_that_becomes_free_is_announced_in_the_lane_of_the_next() {
    let mut bench = Bench::with(|config| config.tenant_cap = Some(1));
    bench.workers(0, 1);
    bench.submit_for(1, 0, 9);
    bench.submit_for(2, 1, 9);
    bench.submit_for(3, 2, 9);
    while bench.queue.woken().is_some() {}
    assert_eq!(bench.take(0), Some(1));
    assert_eq!((bench.head(1), bench.queue.woken()), (None, None));
    bench.release(0, Some(9), 1);
    assert_eq!((bench.queue.woken(), bench.queue.woken()), (Some(Woken::Lane(LaneKey(1))), None));
    // Not by a call's end alone: also when the one before it goes away.
    bench.queue.cancel(Ticket(2));
    assert_eq!((bench.queue.woken(), bench.head(2)), (Some(Woken::Lane(LaneKey(2))), Some(3)));
}

#[test]
fn the_more_urgent_of_a_tenant_has_the_place() {
    let mut bench = Bench::with(|config| config.tenant_cap = Some(1));
    bench.workers(0, 1);
    let tenant = Some(TenantKey(9));
    bench.submit_for(1, 0, 9);
    bench.submit(Waiter { tenant, level: Level::High, ..bench.waiter(2, 1) });
    assert_eq!((bench.head(0), bench.head(1)), (None, Some(2)));
    bench.submit(Waiter { tenant, level: Level::Nested, ..bench.waiter(3, 0) });
    assert_eq!((bench.take(1), bench.take(0), bench.take(0)), (Some(2), Some(3), None));
    bench.release(1, Some(9), 1);
    assert_eq!(bench.take(0), Some(1));
}

#[test]
fn a_worker_may_take_one_set_aside_if_the_one_before_it_has_no_worker() {
    let mut bench = Bench::with(|config| config.tenant_cap = Some(1));
    bench.queue.add_lane(LaneKey(0), PluginKey(0), 1);
    bench.workers(0, 1);
    bench.submit_for(1, 1, 9);
    bench.submit_for(2, 0, 9);
    assert_eq!((bench.head(1), bench.head(0)), (Some(1), Some(2)));
    bench.workers(1, 1);
    assert_eq!((bench.head(1), bench.head(0)), (Some(1), None));
    bench.workers(1, 0);
    assert_eq!(bench.take(0), Some(2));
    assert_eq!((bench.head(1), bench.wanting()), (None, None), "the cap holds");
    bench.release(0, Some(9), 1);
    assert_eq!((bench.head(1), bench.wanting()), (Some(1), Some(1)));
}

#[test]
fn one_set_aside_does_not_stand_in_for_a_more_urgent_one() {
    let mut bench = Bench::with(|config| config.tenant_cap = Some(1));
    bench.submit(Waiter { tenant: Some(TenantKey(9)), level: Level::High, ..bench.waiter(1, 1) });
    bench.submit_for(2, 0, 9);
    assert_eq!((bench.head(1), bench.head(0)), (Some(1), None));
}

#[test]
fn the_reject_policy_refuses_beyond_a_cap() {
    let mut bench = Bench::with(|config| {
        (config.plugin_cap, config.tenant_cap, config.on_cap) = (Some(2), Some(1), CapPolicy::Reject);
    });
    let tenant = Some(TenantKey(9));
    assert!(bench.queue.try_run(PluginKey(0), tenant, Level::Normal));
    assert!(!bench.queue.try_run(PluginKey(1), tenant, Level::Normal));
    bench.refuses(Waiter { tenant, ..bench.waiter(1, 1) }, Part::TenantCap, 1, 1);
    assert!(bench.queue.try_run(PluginKey(0), None, Level::Normal));
    bench.refuses(bench.waiter(2, 0), Part::PluginCap, 2, 2);
    bench.submit(Waiter { tenant, level: Level::Nested, ..bench.waiter(3, 0) });
    assert!(bench.queue.try_run(PluginKey(0), tenant, Level::Nested));
    bench.release(0, tenant.map(|key| key.0), 1);
    bench.submit_for(4, 0, 9);
    bench.queue.put_back(bench.start, Waiter { tenant, ..bench.waiter(5, 0) });
    assert_eq!(bench.queue.len(), 3);
}

#[test]
fn nobody_runs_directly_before_those_of_its_tenant_that_stand_aside() {
    let mut bench = Bench::with(|config| config.tenant_cap = Some(2));
    let tenant = Some(TenantKey(9));
    assert!(bench.queue.try_run(PluginKey(3), tenant, Level::Normal));
    bench.submit_for(1, 1, 9);
    bench.submit_for(2, 0, 9);
    assert!(!bench.queue.try_run(PluginKey(0), tenant, Level::Normal));
    bench.queue.cancel(Ticket(2));
    assert!(bench.queue.try_run(PluginKey(0), tenant, Level::Normal));
    assert_eq!(bench.head(1), None, "the place it counted on is used");
}

#[test]
fn what_is_not_used_is_forgotten() {
    let mut bench = Bench::with(|config| (config.tenant_cap, config.plugin_cap) = (Some(1), Some(1)));
    for (ticket, lane) in [(1, 0), (2, 1), (3, 1)] {
        bench.submit_for(ticket, lane, lane);
        bench.workers(lane, 1);
    }
    bench.queue.drop_lane(LaneKey(1));
    assert_eq!(bench.queue.lanes.len(), 2, "somebody waits in it");
    assert_eq!((bench.take(0), bench.take(1)), (Some(1), Some(2)));
    bench.queue.drain_lane(LaneKey(1));
    for lane in [0, 1] {
        bench.queue.set_coming(LaneKey(lane), 2);
        bench.workers(lane, 0);
        bench.queue.drop_lane(LaneKey(lane));
    }
    assert_eq!((bench.queue.plugins.len(), bench.queue.tenants.len()), (2, 2), "their calls run");
    bench.release(0, Some(0), 1);
    bench.release(1, Some(1), 1);
    let queue = &bench.queue;
    assert_eq!((queue.plugins.len(), queue.lanes.len(), queue.tenants.len()), (0, 0, 0));
    assert_eq!((queue.standings.len(), queue.woken.len()), (0, 0));
}

#[test]
fn a_lane_that_is_dropped_leaves_nothing_at_its_plugin() {
    let mut bench = Bench::with(|config| config.plugin_cap = Some(1));
    let plugin = PluginKey(5);
    for (ticket, lane) in [(1, 0), (2, 0), (3, 1)] {
        bench.submit(Waiter { plugin, ..bench.waiter(ticket, lane) });
    }
    bench.queue.set_coming(LaneKey(0), 1);
    assert_eq!((bench.take(0), bench.wanting()), (Some(1), None));
    bench.release(5, None, 1);
    assert_eq!((bench.wanting(), bench.queue.woken.len()), (None, 1), "a call is coming");
    bench.queue.drain_lane(LaneKey(0));
    bench.queue.drop_lane(LaneKey(0));
    assert_eq!(bench.wanting(), Some(1));
    bench.queue.drain_lane(LaneKey(1));
    bench.queue.drop_lane(LaneKey(1));
    assert_eq!((bench.queue.plugins.len(), bench.queue.woken()), (0, None));
}

#[test]
fn the_refusal_reads_as_a_sentence() {
    let full = Full { part: Part::Tenant, waiting: 5, limit: 5 };
    assert_eq!(full.to_string(), "there are 5 requests of the tenant waiting, the limit is 5");
}
