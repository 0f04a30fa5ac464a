//! Killing, removing and sweeping real groups.

use std::time::{Duration, Instant};

use nix::unistd::{ForkResult, setsid};

use super::forked::{Forked, Voice, leave, split, was_killed};
use super::*;
use crate::group::name::Maker;

const PATIENCE: Duration = Duration::from_secs(30);

/// A storm ends by itself after this, should a test fail to end it.
const STORM: Duration = Duration::from_secs(10);

fn gone(place: &GroupPlace) -> bool {
    place.directories.iter().all(|directory| !directory.path.exists())
}

fn exists(place: &GroupPlace) -> bool {
    place.directories.iter().all(|directory| directory.path.exists())
}

/// The machine without some of what it has.
fn without(host: &GroupHost, unwanted: impl Fn(&Hierarchy) -> bool) -> GroupHost {
    let mut host = host.clone();
    host.hierarchies.retain(|hierarchy| !unwanted(hierarchy));
    host
}

/// What a child gets to hear that wants to join. The test process itself does not even try.
fn joined(group: &Group) -> String {
    let mut child = Forked::run(|voice| {
        voice.say(&group.join().map_or_else(|fault| fault.to_string(), |()| "joined".to_owned()));
    });
    let answer = child.line();
    child.end();
    answer
}

/// Processes that leave session and parent and fork for ever.
fn storm(voice: &mut Voice) {
    let end = Instant::now() + STORM;
    voice.say("storm");
    while Instant::now() < end {
        #[expect(unsafe_code, reason = "a refusal is expected")]
        // SAFETY: as for `split`.
        let forked = unsafe { nix::unistd::fork() };
        if matches!(forked, Ok(ForkResult::Child)) {
            let _already_leader = setsid();
        }
    }
}

fn kill_a_storm(host: &GroupHost, expected: Option<GroupVersion>) {
    let (plan, _) = GroupPlan::compute(&limits(|l| l.processes = Some(40)), 0, host);
    assert_eq!(plan.kill, expected);
    let mut group = Group::create(&plan, host).unwrap();
    let mut child = Forked::run(|voice| {
        group.join().unwrap();
        storm(voice);
    });
    assert_eq!(child.line(), "storm");
    group.kill().unwrap();
    let status = child.end();
    assert!(was_killed(status), "{status:?}");
    group.remove(PATIENCE).unwrap();
    assert!(gone(group.place()));
}

#[test]
fn a_fork_storm_is_killed_in_one_write() {
    let Some(host) = machine(&["pids"]) else { return };
    if host.unified().is_some() {
        kill_a_storm(&host, Some(GroupVersion::V2));
    } else {
        println!("not tested: {}", host.reason("cgroup-v2"));
        assert!(std::env::var_os("CI").is_none(), "CI has to test this");
    }
}

#[test]
fn a_fork_storm_is_killed_frozen_where_there_is_only_the_first_version() {
    let Some(host) = machine(&["pids", "freezer"]) else { return };
    let host = without(&host, |hierarchy| hierarchy.version == GroupVersion::V2);
    kill_a_storm(&host, Some(GroupVersion::V1));
}

#[test]
fn a_fork_storm_is_killed_in_rounds_where_nothing_stops_it() {
    let Some(host) = machine(&["pids"]) else { return };
    let v1 = |name: &str| host.holder(name).is_some_and(|hierarchy| hierarchy.version == GroupVersion::V1);
    if !v1("pids") {
        println!("not tested: this needs the pids controller of the first version");
        return;
    }
    let host = without(&host, |hierarchy| hierarchy.version == GroupVersion::V2 || hierarchy.has("freezer"));
    kill_a_storm(&host, None);
}

#[test]
fn a_killed_group_is_not_joined_and_its_name_not_given_again() {
    let Some(host) = machine(&["pids"]) else { return };
    let mut first = group(&host, &limits(|l| l.processes = Some(4)));
    first.kill().unwrap();
    assert_eq!(joined(&first), "could not join the control group (errno 130)");
    let mut second = group(&host, &limits(|l| l.processes = Some(4)));
    first.remove(PATIENCE).unwrap();
    let mut third = group(&host, &limits(|l| l.processes = Some(4)));
    let names = [&first, &second, &third].map(|group| group.place().name.clone());
    assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2], "{names:?}");
    // A newborn of the next group lives.
    let mut child = Forked::run(|voice| {
        third.join().unwrap();
        match split() {
            ForkResult::Child => leave(7),
            ForkResult::Parent { child } => {
                voice.say(&format!(
                    "{:?}",
                    nix::sys::wait::waitpid(child, None).map(|s| s.pid() == Some(child))
                ));
            }
        }
    });
    assert_eq!(child.line(), "Ok(true)");
    assert!(!was_killed(child.end()));
    second.remove(PATIENCE).unwrap();
    third.remove(PATIENCE).unwrap();
}

#[test]
fn a_group_with_a_member_stays_until_that_is_killed() {
    let Some(host) = machine(&["pids"]) else { return };
    let mut group = group(&host, &limits(|l| l.processes = Some(4)));
    let mut child = Forked::run(|voice| {
        group.join().unwrap();
        voice.say("in");
        voice.wait();
    });
    assert_eq!(child.line(), "in");
    assert_eq!(group.place().members().unwrap(), [child.pid()]);
    assert_eq!(group.remove(Duration::ZERO).map_err(errno), Err(Errno::EBUSY));
    group.kill().unwrap();
    group.remove(PATIENCE).unwrap();
    assert!(gone(group.place()));
    assert!(was_killed(child.end()));
}

#[test]
fn groups_made_inside_go_with_the_group() {
    let Some(host) = machine(&["pids"]) else { return };
    let mut group = group(&host, &limits(|l| l.processes = Some(8)));
    for directory in &group.place().directories {
        std::fs::create_dir_all(directory.path.join("a/b")).unwrap();
        std::fs::create_dir(directory.path.join("c")).unwrap();
    }
    let inner = group.place().with("pids").unwrap().path.join("a/b/cgroup.procs");
    let mut child = Forked::run(|voice| {
        group.join().unwrap();
        std::fs::write(&inner, "0").unwrap();
        voice.say("inside");
        voice.wait();
    });
    assert_eq!(child.line(), "inside");
    assert_eq!(group.place().members().unwrap(), [child.pid()]);
    group.kill().unwrap();
    assert!(was_killed(child.end()));
    group.remove(PATIENCE).unwrap();
    assert!(gone(group.place()));
}

#[test]
fn a_dropped_group_is_removed_but_not_by_the_copy_of_a_child() {
    let Some(host) = machine(&["pids"]) else { return };
    let group = group(&host, &limits(|l| l.processes = Some(4)));
    let place = group.place().clone();
    let mut slot = Some(group);
    let child = Forked::run(|_| drop(slot.take()));
    child.end();
    assert!(exists(&place));
    drop(slot);
    assert!(gone(&place));
}

#[test]
fn a_group_that_was_removed_under_us_is_no_fault_at_the_end() {
    let Some(host) = machine(&["pids"]) else { return };
    let mut group = group(&host, &limits(|l| l.processes = Some(4)));
    for directory in &group.place().directories {
        std::fs::remove_dir(&directory.path).unwrap();
    }
    assert_eq!(group.place().members(), Ok(Vec::new()));
    assert_eq!(group.place().usage().map_err(errno), Err(Errno::ENOENT));
    assert_eq!(joined(&group), "could not join the control group (errno 2)");
    group.kill().unwrap();
    group.remove(Duration::ZERO).unwrap();
}

#[test]
fn a_sweep_ends_what_a_dead_maker_left_and_leaves_the_living_alone() {
    let Some(host) = machine(&["pids"]) else { return };
    let mut living = group(&host, &limits(|l| l.processes = Some(4)));
    let mut maker = Forked::run(|voice| {
        let left = group(&host, &limits(|l| l.processes = Some(4)));
        voice.say(&left.place().name);
        if matches!(split(), ForkResult::Child) {
            left.join().unwrap();
            voice.say("left behind");
            voice.wait();
        }
        // Ended without destructors, as by SIGKILL.
        leave(0);
    });
    let name = maker.line();
    assert_eq!(maker.line(), "left behind");
    let place = GroupPlace {
        name: name.clone(),
        directories: living
            .place()
            .directories
            .iter()
            .map(|directory| GroupDirectory {
                path: directory.path.with_file_name(&name),
                ..directory.clone()
            })
            .collect(),
        cpu_millicores: None,
    };
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(maker.pid()), None).unwrap();
    assert!(exists(&place) && !place.members().unwrap().is_empty());
    assert!(Maker::of(&name).unwrap().is_dead());
    sweep(&host);
    assert!(gone(&place));
    assert!(exists(living.place()));
    // The end of the pipe: the process that was left behind is dead too.
    assert_eq!(maker.line(), "");
    maker.forget();
    living.remove(PATIENCE).unwrap();
}
