//! What a pool promises, checked after each step of a simulated life. That its books are right is checked in `recount`.

use std::collections::BTreeMap;

use super::super::call_table::CallState;
use super::super::lane::Lane;
use super::super::member::{Member, WorkerKey};
use super::outside::{At, Fault, Request};
use super::recount;
use super::setup::MOST_WORKERS;
use super::world::World;
use crate::pool::lifecycle::{Gate, Phase};
use crate::pool::queue::{LaneKey, Ticket};

/// Checks all of it.
pub(super) fn check(world: &mut World) -> Result<(), Fault> {
    conservation(world)?;
    bounds(world)?;
    calls_of_workers(world)?;
    caps(world)?;
    recycling(world)?;
    limit(world)?;
    warm_ones_stay(world)?;
    no_slot_is_promised_for_nobody(world)?;
    recount::check(world)?;
    if !world.stopped {
        nobody_waits_beside_a_free_worker(world)?;
        slots_are_given(world)?;
        somebody_will_wake(world)?;
        quarantine(world)?;
    }
    world.n_regular = world.scheduler.n_regular();
    Ok(())
}

fn ensure(holds: bool, fault: impl FnOnce() -> Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault()) }
}

/// Every request that was taken in is over in one way, waits, or runs; and the scheduler knows of the same ones.
fn conservation(world: &World) -> Result<(), Fault> {
    let (count, live) = (world.outside.count, world.outside.requests.len());
    let over = count.done + count.refused + count.cancelled;
    ensure(count.admitted == over + live, || format!("{count:?} and {live} that are not over"))?;
    for (ticket, request) in &world.outside.requests {
        let known = world.scheduler.calls.get(*ticket).map(|entry| entry.state);
        let agrees = match (request.at, known) {
            (At::Waiting, Some(CallState::Waiting)) => !request.nested,
            (At::Waiting, Some(CallState::Bound(_))) => request.nested,
            (At::Running { worker, .. }, Some(CallState::Running(on))) => worker == on,
            _ => false,
        };
        ensure(agrees, || format!("{ticket:?} is {:?}, and the scheduler says {known:?}", request.at))?;
    }
    let (known, running) = (world.scheduler.calls.len(), world.scheduler.calls.n_running());
    ensure(known == live, || format!("the scheduler knows {known} requests, there are {live}"))?;
    let is_running = |request: &&Request| request.at != At::Waiting;
    let wanted = world.outside.requests.values().filter(is_running).count();
    ensure(running == wanted, || format!("the scheduler counts {running} running, there are {wanted}"))
}

/// No more workers than there may be, those for nested executions within a bound of their own. After the bounds were
/// lowered there may be more for a while, and no further one.
fn bounds(world: &World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    let (n, max) = (scheduler.n_regular(), scheduler.config.bounds.max);
    ensure(n <= max || n <= world.n_regular, || format!("{n} workers, the bound is {max}"))?;
    // One that comes back from a dead worker is not refused for that.
    let came_back =
        world.outside.requests.values().filter(|request| request.nested && request.came_back).count();
    let stays = scheduler.members.values().filter(|member| member.surplus && member.leaving.is_none());
    let (surplus, most) = (stays.count(), scheduler.config.max_surplus + came_back);
    ensure(surplus <= most, || format!("{surplus} workers for nested executions, the bound is {most}"))?;
    let known: Vec<(WorkerKey, LaneKey)> =
        scheduler.members.iter().map(|(key, member)| (*key, member.lane)).collect();
    let there: Vec<(WorkerKey, LaneKey)> =
        world.outside.processes.iter().map(|(key, process)| (*key, process.lane)).collect();
    ensure(known == there, || format!("the scheduler knows {known:?}, there are {there:?}"))
}

/// A worker has no more calls than it may, and one that shares with none alone.
fn calls_of_workers(world: &World) -> Result<(), Fault> {
    let mut calls: BTreeMap<WorkerKey, (usize, usize)> = BTreeMap::new();
    for request in world.outside.requests.values() {
        if let At::Running { worker, .. } = request.at {
            let (n, n_alone) = calls.entry(worker).or_default();
            let shares = world.outside.processes.get(&worker).is_some_and(|process| process.concurrent);
            *n += 1;
            *n_alone += usize::from(!(request.concurrent && shares));
        }
    }
    for (worker, member) in &world.scheduler.members {
        let (n, n_alone) = calls.get(worker).copied().unwrap_or_default();
        ensure(n == member.running, || {
            format!("{worker:?} has {n} calls, the scheduler says {}", member.running)
        })?;
        ensure(n <= world.scheduler.config.depth, || format!("{worker:?} has {n} calls at a time"))?;
        ensure(n_alone == 0 || n == 1, || {
            format!("{worker:?} has a call that shares it with none, and {n} in all")
        })?;
    }
    Ok(())
}

/// No more calls of a plugin or a tenant than it may have.
fn caps(world: &World) -> Result<(), Fault> {
    let config = &world.scheduler.config.queue;
    let runs = |request: &&Request| request.at != At::Waiting && !request.nested;
    let (mut plugins, mut tenants) = ([0; 3], [0; 3]);
    for request in world.outside.requests.values().filter(runs) {
        plugins[usize::from(request.plugin)] += 1;
        tenants[usize::from(request.tenant)] += 1;
    }
    let within = |cap: Option<usize>, n: &[usize]| n.iter().all(|n| cap.is_none_or(|cap| *n <= cap));
    ensure(within(config.plugin_cap, &plugins), || format!("calls that run by plugin: {plugins:?}"))?;
    ensure(within(config.tenant_cap, &tenants[1..]), || format!("calls that run by tenant: {tenants:?}"))
}

/// No more wait than may, but for those whom a worker was started for at once, and those that were here before.
fn limit(world: &World) -> Result<(), Fault> {
    let counts = |request: &&Request| request.at == At::Waiting && !request.nested && !request.came_back;
    let n = world.outside.requests.values().filter(counts).count();
    let most = world.scheduler.config.queue.limit + usize::from(MOST_WORKERS);
    ensure(n <= most, || format!("{n} wait, the limit is {}", world.scheduler.config.queue.limit))
}

/// Nobody goes for having nothing to do of whom the lane has no more than are kept of it.
fn warm_ones_stay(world: &mut World) -> Result<(), Fault> {
    for lane in std::mem::take(&mut world.outside.shrunk) {
        // One that is recycled at the same time, and still has calls, comes back.
        let is_recycled = |member: &Member| member.lane == lane && member.recycled;
        let comes_back = world.scheduler.members.values().any(is_recycled);
        let short = world.scheduler.short.contains(&lane);
        ensure(!short || comes_back, || format!("{lane:?} lets a worker go that is to be kept warm"))?;
    }
    Ok(())
}

/// A worker gives way for somebody who waits, not for more than those.
fn no_slot_is_promised_for_nobody(world: &mut World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    let mut promised = BTreeMap::new();
    for member in scheduler.members.values().filter(|member| !member.recycled) {
        if let Some(lane) = member.successor {
            ensure(member.running == 0, || {
                format!("{lane:?} is promised the slot of a worker that has calls")
            })?;
            *promised.entry(lane).or_insert(0) += 1;
        }
    }
    let (ref before, n_refused) = world.promised;
    // Whom it was promised to may have been refused in the same step.
    let all_are_there = world.outside.count.refused == n_refused;
    for (lane, n) in promised.iter().filter(|_| all_are_there) {
        let (before, waiting) = (before.get(lane).copied().unwrap_or(0), scheduler.queue.waiting_in(*lane));
        ensure(*n <= before || *n <= waiting, || {
            format!("{n} slots are promised to {lane:?}, where {waiting} wait")
        })?;
    }
    world.promised = (promised, world.outside.count.refused);
    Ok(())
}

/// At most one worn worker is out without its replacement being there.
fn recycling(world: &World) -> Result<(), Fault> {
    let n_out = world.scheduler.n_out;
    ensure(n_out <= 1, || format!("{n_out} workers are recycled at a time at the bound"))
}

/// Whoever is next in a lane waits only as long as no worker of the lane can take the call. One that would be next only in
/// the place of another of its tenant has no claim to that.
fn nobody_waits_beside_a_free_worker(world: &World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    for lane in scheduler.lanes.keys() {
        let Some(head) = scheduler.queue.head(*lane).map(|waiter| waiter.ticket) else { continue };
        let Some(entry) = scheduler.calls.get(head).filter(|_| !scheduler.queue.is_aside(head)) else {
            continue;
        };
        let free = scheduler.available(*lane, &entry.handler);
        ensure(free.is_none(), || format!("{head:?} waits while {free:?} could take it"))?;
    }
    Ok(())
}

/// A lane wants a slot only while there is none: none free, none that becomes free by itself, none of a worker of another
/// lane that has nothing to do.
fn slots_are_given(world: &World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    let Some(wanting) = scheduler.queue.wanting() else { return Ok(()) };
    let (n, max) = (scheduler.n_regular(), scheduler.config.bounds.max);
    ensure(n >= max, || format!("{wanting:?} wants a slot, and {n} of {max} are in use"))?;
    let going = scheduler.going();
    ensure(going.is_none(), || format!("{wanting:?} wants a slot, and {going:?} leaves one to nobody"))?;
    let is_other = |worker: &&WorkerKey| {
        scheduler.members.get(worker).is_some_and(|member| member.lane != wanting && !member.surplus)
    };
    let idle = scheduler.idle.iter().map(|(_, worker)| worker).find(is_other);
    ensure(n > max || idle.is_none(), || format!("{wanting:?} wants a slot, and {idle:?} has nothing to do"))
}

/// Whoever waits is woken by something: a call that ends, a worker that becomes ready or is gone, a timer.
fn somebody_will_wake(world: &World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    for (ticket, request) in world.outside.requests.iter().filter(|(_, request)| request.at == At::Waiting) {
        let Some(lane) = scheduler.lanes.get(&request.lane) else {
            return Err(format!("{ticket:?} waits in {:?}, which is forgotten", request.lane));
        };
        ensure(!lane.closed, || {
            format!("{ticket:?} waits in {:?}, whose program was replaced", request.lane)
        })?;
        if request.nested {
            continue;
        }
        let is_calling = world.outside.requests.values().any(|other| other.at != At::Waiting);
        let is_moving =
            world.outside.processes.values().any(|process| !process.is_ready || process.is_going());
        // Of a capped tenant one may wait for another, in a lane that is held.
        let holds = |lane: &Lane| lane.held && lane.timer.is_some() && scheduler.next_tick().is_some();
        let has_timer = scheduler.lanes.values().any(holds);
        ensure(is_calling || is_moving || has_timer, || format!("nothing will wake {ticket:?}"))?;
        let has_trial = scheduler.members.values().any(|member| member.lane == request.lane && member.trial);
        ensure(!lane.held || lane.timer.is_some() || has_trial, || {
            format!("{:?} is held for ever", request.lane)
        })?;
        covered(world, *ticket, request).map_err(|fault| format!("{ticket:?}: {fault}"))?;
    }
    Ok(())
}

/// Whoever could go and wants no slot has a worker or a slot coming, or its plugin's cap is used up by those that come.
fn covered(world: &World, ticket: Ticket, request: &Request) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    let Some(lane) = scheduler.lanes.get(&request.lane).filter(|lane| !lane.held) else { return Ok(()) };
    let could_run = scheduler.queue.head(request.lane).is_some() && !scheduler.queue.is_aside(ticket);
    if !could_run || scheduler.queue.wanting().is_some() {
        return Ok(());
    }
    let is_coming = lane.tally.starting + lane.promised > 0;
    let of_plugin = || scheduler.lanes.values().filter(|other| other.plugin_key == lane.plugin_key);
    let others_come = scheduler.config.queue.plugin_cap.is_some()
        && of_plugin().any(|other| other.tally.starting + other.promised > 0);
    ensure(is_coming || others_come, || "it could run, wants no slot, and no worker is coming".to_owned())
}

/// Nobody waits for a quarantined plugin of which no worker serves, and at most one worker is the trial.
fn quarantine(world: &mut World) -> Result<(), Fault> {
    let now = world.outside.now;
    for (key, lane) in &mut world.scheduler.lanes {
        let mut trials = 0;
        for worker in &lane.members {
            let member = world.scheduler.members.get(worker);
            trials +=
                usize::from(member.is_some_and(|member| member.trial && member.phase != Phase::Stopped));
        }
        ensure(trials <= 1, || format!("{key:?} has {trials} trials at a time"))?;
        ensure(trials == 0 || lane.breaker.is_quarantined(), || {
            format!("{key:?} has a trial and no quarantine")
        })?;
        let is_barred = matches!(lane.breaker.may_start(now), Gate::Quarantined { .. });
        let n_waiting = world.scheduler.queue.waiting_in(*key);
        ensure(!is_barred || lane.tally.serving > 0 || n_waiting == 0, || {
            format!("{n_waiting} wait in {key:?}, which is quarantined and has no worker")
        })?;
    }
    Ok(())
}
