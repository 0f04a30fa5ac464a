//! The scheduler's books, each against a recount from what it is about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use super::super::lane::Lane;
use super::super::member::{Member, WorkerKey};
use super::super::scheduler_core::{Scheduler, Timer};
use super::super::tally::{Post, Spot, Tally};
use super::outside::{At, Fault, Request};
use super::world::World;
use crate::pool::queue::LaneKey;

/// Checks all of them.
pub(super) fn check(world: &World) -> Result<(), Fault> {
    lanes(&world.scheduler)?;
    lists(&world.scheduler)?;
    timers(&world.scheduler)?;
    replacements(&world.scheduler)?;
    queue(world)
}

fn same<T: PartialEq + Debug>(what: &str, noted: &T, counted: &T) -> Result<(), Fault> {
    if noted == counted { Ok(()) } else { Err(format!("{what}: noted {noted:?}, counted {counted:?}")) }
}

/// What workers are, by lane and in all; what lanes were promised; which have too few.
fn lanes(scheduler: &Scheduler) -> Result<(), Fault> {
    let mut all = Tally::default();
    let mut short = BTreeSet::new();
    for (key, lane) in &scheduler.lanes {
        let mut tally = Tally::default();
        let (mut members, mut idle, mut shared) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (worker, member) in scheduler.members.iter().filter(|(_, member)| member.lane == *key) {
            let post = Post::of(member, scheduler.config.depth);
            tally.change(&Tally::default(), &post.tally);
            all.change(&Tally::default(), &post.tally);
            members.insert(*worker);
            match post.spot {
                Spot::Idle(since) => _ = idle.insert((since, *worker)),
                Spot::Shared(running) => _ = shared.insert((running, *worker)),
                Spot::Vacant | Spot::Nowhere => {}
            }
        }
        same("what the workers of a lane are", &lane.tally, &tally)?;
        same("the workers of a lane", &lane.members, &members)?;
        same("idle workers of a lane", &lane.idle, &idle)?;
        same("shared workers of a lane", &lane.shared, &shared)?;
        pledges(scheduler, *key, lane)?;
        if !lane.closed && lane.tally.staying + lane.promised < lane.warm {
            short.insert(*key);
        }
    }
    same("what all workers are", &scheduler.tally, &all)?;
    same("lanes with too few warm workers", &scheduler.short, &short)
}

fn pledges(scheduler: &Scheduler, key: LaneKey, lane: &Lane) -> Result<(), Fault> {
    let count =
        |is_for: &dyn Fn(&Member) -> bool| scheduler.members.values().filter(|member| is_for(member)).count();
    let promised = count(&|member| member.successor == Some(key));
    let pledged = count(&|member| member.pledged == Some(key));
    same("slots that a lane was promised", &lane.promised, &promised)?;
    same("workers that go for a lane", &lane.pledged, &pledged)
}

/// The pool's own lists of workers.
fn lists(scheduler: &Scheduler) -> Result<(), Fault> {
    let (mut idle, mut vacant) = (BTreeSet::new(), BTreeSet::new());
    for (worker, member) in &scheduler.members {
        match Post::of(member, scheduler.config.depth).spot {
            Spot::Idle(since) => _ = idle.insert((since, *worker)),
            Spot::Vacant => _ = vacant.insert(*worker),
            Spot::Shared(_) | Spot::Nowhere => {}
        }
    }
    same("idle workers", &scheduler.idle, &idle)?;
    same("workers whose slot is nobody's", &scheduler.vacant, &vacant)?;
    let takes_calls = |worker: &&WorkerKey| scheduler.members.get(worker).is_some_and(Member::takes_calls);
    let worn = scheduler.worn.iter().filter(takes_calls).copied().collect();
    same("worn workers", &scheduler.worn, &worn)
}

/// Each timer is somebody's, and each somebody's timer is set.
fn timers(scheduler: &Scheduler) -> Result<(), Fault> {
    let of_members =
        scheduler.members.iter().filter_map(|(key, member)| Some((member.timer?, Timer::Member(*key))));
    let of_lanes = scheduler.lanes.iter().filter_map(|(key, lane)| Some((lane.timer?, Timer::Lane(*key))));
    same("timers", &scheduler.timers, &of_members.chain(of_lanes).collect())
}

/// A worn worker and its replacement know each other, and those that are out are counted.
fn replacements(scheduler: &Scheduler) -> Result<(), Fault> {
    let mut n_out = 0;
    for (worker, member) in &scheduler.members {
        n_out += usize::from(member.recycled) + usize::from(member.refills);
        if let Some(new) = member.replacement {
            let back = scheduler.members.get(&new).and_then(|new| new.replaces);
            same("what a replacement replaces", &back, &Some(*worker))?;
        }
    }
    same("workers that are out to be recycled", &scheduler.n_out, &n_out)
}

/// What the queue and the lanes know of requests.
fn queue(world: &World) -> Result<(), Fault> {
    let scheduler = &world.scheduler;
    let (mut waiting, mut running) = (BTreeMap::new(), BTreeMap::new());
    let (mut calls, mut bytes) = (BTreeMap::new(), 0);
    let requests = world.outside.requests.values();
    for request in requests {
        *calls.entry(request.lane).or_insert(0) += 1;
        let is_regular = |request: &Request| !request.nested;
        if is_regular(request) && request.at == At::Waiting {
            *waiting.entry(request.lane).or_insert(0) += 1;
            bytes += u64::from(request.bytes);
        } else if is_regular(request)
            && let Some(lane) = scheduler.lanes.get(&request.lane)
        {
            *running.entry(lane.plugin_key).or_insert(0) += 1;
        }
    }
    same("requests that wait", &scheduler.queue.len(), &waiting.values().sum())?;
    same("bytes that wait", &scheduler.queue.bytes(), &bytes)?;
    for (key, lane) in &scheduler.lanes {
        let of = |counts: &BTreeMap<LaneKey, usize>| counts.get(key).copied().unwrap_or(0);
        same("requests that wait in a lane", &scheduler.queue.waiting_in(*key), &of(&waiting))?;
        same("requests of a lane", &lane.n_calls, &of(&calls))?;
        let counted = running.get(&lane.plugin_key).copied().unwrap_or(0);
        same("calls of a plugin that run", &scheduler.queue.running_of(lane.plugin_key), &counted)?;
    }
    Ok(())
}
