//! The end of a simulated life: everything that was begun comes to its end, and what is left then is what should be.

use std::time::Duration;

use super::event::{End, Reply};
use super::invariant;
use super::outside::{At, Fault, Process};
use super::world::World;

/// Looks at a pool that comes to rest, at most. Workers that are kept are asked how they are and grow old for ever, so it
/// has no end by itself.
const MOST_LOOKS: usize = 400;

/// Plays the end of a life.
pub(super) fn come_to_rest(
    world: &mut World,
    stops: bool,
    look: &mut dyn FnMut(&str, &World),
) -> Result<(), Fault> {
    if stops {
        world.stopped = true;
        world.scheduler.stop(world.outside.now);
        world.heed()?;
        look("stop", world);
        invariant::check(world)?;
        finish(world, look)?;
        return is_gone(world);
    }
    finish(world, look)?;
    let until = world.outside.now + horizon(world);
    for _ in 0..MOST_LOOKS {
        if world.scheduler.next_tick().is_none_or(|next| next > until) {
            break;
        }
        world.tick(Duration::ZERO)?;
        look("tick", world);
        invariant::check(world)?;
        finish(world, look)?;
    }
    is_at_rest(world)
}

/// The time after which nothing that can end by itself goes on.
fn horizon(world: &World) -> Duration {
    let config = &world.scheduler.config;
    let breaker = &config.breaker;
    config.idle_after * 4 + Duration::from_secs(4) + breaker.window * 3 + breaker.quarantine_max * 3
}

/// Ends what is going on: starts, calls, goodbyes, questions. Time stands still.
fn finish(world: &mut World, look: &mut dyn FnMut(&str, &World)) -> Result<(), Fault> {
    let mut steps = 0;
    while let Some(what) = finish_one(world)? {
        look(what, world);
        invariant::check(world)?;
        steps += 1;
        if steps > 2000 {
            return Err("things go on without end while time stands still".to_owned());
        }
    }
    Ok(())
}

fn finish_one(world: &mut World) -> Result<Option<&'static str>, Fault> {
    if !world.outside.checks.is_empty() {
        world.answer(0, Reply::Healthy);
        world.heed()?;
        return Ok(Some("answer"));
    }
    if let Some(worker) = world.outside.workers(Process::is_going).first() {
        world.exit(*worker)?;
        return Ok(Some("exit"));
    }
    if let Some(worker) = world.outside.workers(|process| !process.is_ready).first() {
        world.ready(*worker)?;
        return Ok(Some("ready"));
    }
    let running = world.outside.requests.iter().find(|(_, request)| request.at != At::Waiting);
    if let Some(ticket) = running.map(|(ticket, _)| *ticket) {
        world.end(ticket, End::Fine { resident: 0 })?;
        return Ok(Some("end"));
    }
    Ok(None)
}

/// A stopped pool leaves nothing.
fn is_gone(world: &World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    let left =
        (scheduler.members.len(), scheduler.calls.len(), scheduler.lanes.len(), scheduler.timers.len());
    if left == (0, 0, 0, 0) && scheduler.next_tick().is_none() {
        return Ok(());
    }
    Err(format!("(workers, requests, lanes, timers) left after a stop: {left:?}"))
}

/// One that rests keeps the workers that it is to keep, and no lane without any.
fn is_at_rest(world: &World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    if let Some((ticket, request)) = world.outside.requests.first_key_value() {
        return Err(format!("{ticket:?} never ends: {request:?}"));
    }
    let bounds = scheduler.config.bounds;
    let spare = scheduler.lanes.values().any(|lane| lane.tally.staying > lane.warm);
    let n = scheduler.members.len();
    if n > bounds.max || (spare && n > bounds.min) {
        return Err(format!("{n} workers are kept, with bounds {bounds:?}"));
    }
    if let Some(short) = scheduler.short.first()
        && (n < bounds.max || spare)
        && !scheduler.lanes.get(short).is_some_and(|lane| lane.breaker.is_quarantined())
    {
        return Err(format!(
            "{short:?} has fewer workers than are kept of it, and {n} of {} live",
            bounds.max
        ));
    }
    let unused = scheduler.lanes.iter().find(|(_, lane)| lane.members.is_empty() && lane.warm == 0);
    match unused {
        Some((lane, _)) => Err(format!("{lane:?} is not forgotten")),
        None => Ok(()),
    }
}
