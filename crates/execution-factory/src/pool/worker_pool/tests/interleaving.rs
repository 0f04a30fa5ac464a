//! The desk under some thousand interleavings of each plot, drawn at random and by priorities (PCT). Whoever waits for what
//! never comes is found by `shuttle` itself; everything else is asserted while it goes on, and when it is over.

use std::sync::Arc;
use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

use super::world::{Plot, World};

/// Schedules of each kind for each plot: the mutations that these tests were tried with are found within some hundred.
const SCHEDULES: usize = 700;

/// Points at which PCT changes its mind: more than most defects need.
const CHANGES: usize = 4;

const CLIENTS: usize = 3;
const REQUESTS_EACH: usize = 2;

fn play(plot: Plot) {
    let world = World::new(plot);
    let with = |act: fn(&World)| {
        let world = Arc::clone(&world);
        thread::spawn(move || act(&world))
    };
    let helpers = vec![with(World::tend), with(World::tend), with(World::keep_time)];
    let mut actors = Vec::new();
    for _ in 0..CLIENTS {
        actors.push(with(|world| (0..REQUESTS_EACH).for_each(|_| world.request())));
    }
    if plot.failures {
        actors.push(with(World::die));
    }
    if plot.resizes {
        actors.push(with(World::resize));
    }
    if plot.reloads {
        actors.push(with(World::reload));
    } else {
        actors.push(with(World::assert_nobody_waits_in_vain));
    }
    if plot.stops_early {
        actors.push(with(World::stop));
    }
    for actor in actors {
        actor.join().unwrap();
    }
    world.finish(helpers);
    // Nobody was refused, cancelled or disturbed: everybody was served.
    if !(plot.cancels || plot.failures || plot.stops_early || plot.acquire.is_some() || plot.nested) {
        assert_eq!(world.served.load(std::sync::atomic::Ordering::SeqCst), CLIENTS * REQUESTS_EACH);
    }
}

fn explore(plot: Plot) {
    let mut config = Config::new();
    // A run that does not end, because time passes and nothing else happens, is a stall.
    config.max_steps = shuttle::MaxSteps::FailAfter(100_000);
    Runner::new(RandomScheduler::new(SCHEDULES), config.clone()).run(move || play(plot));
    Runner::new(PctScheduler::new(CHANGES, SCHEDULES), config).run(move || play(plot));
}

#[test]
fn everybody_is_served_and_nobody_waits_while_a_worker_idles() {
    explore(Plot::default());
}

#[test]
fn a_request_that_is_dropped_at_any_moment_leaves_nothing_behind() {
    explore(Plot { cancels: true, ..Plot::default() });
}

#[test]
fn deadlines_race_with_workers_that_become_free() {
    explore(Plot { cancels: true, acquire: Some(Duration::from_millis(50)), ..Plot::default() });
}

#[test]
fn workers_that_fail_at_any_moment_stall_nobody() {
    explore(Plot { failures: true, cancels: true, ..Plot::default() });
}

#[test]
fn nested_requests_wait_for_nobody_and_may_be_dropped() {
    explore(Plot { nested: true, cancels: true, ..Plot::default() });
}

#[test]
fn bounds_change_under_load() {
    explore(Plot { resizes: true, cancels: true, ..Plot::default() });
}

#[test]
fn a_reload_moves_those_that_wait_to_the_new_program() {
    explore(Plot { reloads: true, ..Plot::default() });
}

#[test]
fn a_stop_at_any_moment_leaves_no_worker() {
    explore(Plot { stops_early: true, cancels: true, ..Plot::default() });
}

#[test]
fn everything_at_once() {
    explore(Plot {
        cancels: true,
        failures: true,
        acquire: Some(Duration::from_millis(500)),
        nested: true,
        resizes: true,
        reloads: true,
        stops_early: true,
    });
}
