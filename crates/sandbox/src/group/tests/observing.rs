//! What a process finds out about its own groups, as root and without rights.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::forked::{Forked, was_killed};
use super::*;

const NOBODY: u32 = 65534;

fn all() -> Limits {
    limits(|l| {
        l.memory = Some(mib(64));
        l.cpu_millicores = Some(250);
        l.processes = Some(16);
    })
}

fn become_nobody() {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[]).unwrap();
    setresgid(group, group, group).unwrap();
    setresuid(user, user, user).unwrap();
}

fn differences(checks: &[GroupCheck]) -> Vec<String> {
    checks.iter().filter(|check| !check.holds()).map(|check| check.mechanism.clone()).collect()
}

#[test]
fn a_member_finds_every_group_and_limit_of_the_plan() {
    let Some(host) = machine(&["memory", "cpu", "pids"]) else { return };
    let (plan, _) = GroupPlan::compute(&all(), 0, &host);
    let mut group = Group::create(&plan, &host).unwrap();
    let outside = GroupObservation::observe(&host).unwrap().checks(&plan, group.place());
    assert_eq!(differences(&outside).len(), outside.len(), "a stranger fulfils nothing: {outside:?}");
    let mut child = Forked::run(|voice| {
        group.join().unwrap();
        let checks = GroupObservation::observe(&host).unwrap().checks(&plan, group.place());
        voice.say(&format!("{} {:?}", checks.len(), differences(&checks)));
    });
    assert_eq!(child.line(), format!("{} []", outside.len()));
    child.end();
    group.remove(std::time::Duration::from_secs(30)).unwrap();
}

#[test]
fn a_limit_that_was_changed_behind_the_plan_is_named() {
    let Some(host) = machine(&["pids", "cpu"]) else { return };
    let (plan, _) = GroupPlan::compute(
        &limits(|l| {
            l.processes = Some(16);
            l.cpu_millicores = Some(250);
        }),
        0,
        &host,
    );
    let mut group = Group::create(&plan, &host).unwrap();
    std::fs::write(group.place().with("pids").unwrap().path.join("pids.max"), "max").unwrap();
    group.place().throttle(100).unwrap();
    let mut child = Forked::run(|voice| {
        group.join().unwrap();
        let checks = GroupObservation::observe(&host).unwrap().checks(&plan, group.place());
        voice.say(&differences(&checks).join(" "));
    });
    assert_eq!(child.line(), "cpu-share processes");
    child.end();
    group.remove(std::time::Duration::from_secs(30)).unwrap();
}

#[test]
fn without_rights_there_is_nothing_and_each_limit_has_a_reason() {
    if !Uid::effective().is_root() {
        println!("not tested: this needs root, to become somebody else");
        assert!(std::env::var_os("CI").is_none(), "CI has to test this");
        return;
    }
    let mut child = Forked::run(|voice| {
        become_nobody();
        let host = GroupHost::discover();
        let (plan, missed) = GroupPlan::compute(&all(), 0, &host);
        voice.say(&format!("{} {}", host.hierarchies.len(), plan.is_empty()));
        for missed in missed {
            voice.say(&format!("{}: {}", missed.limit, missed.reason));
        }
    });
    assert_eq!(child.line(), "0 true");
    for limit in ["memory", "cpu_millicores", "processes"] {
        let line = child.line();
        assert!(line.starts_with(&format!("{limit}: ")) && line.contains("cannot be written"), "{line}");
    }
    child.end();
}

/// What an unprivileged host does in groups that were given to it: `5 []` when all five checks hold.
fn use_delegated() -> String {
    let host = GroupHost::discover();
    let (plan, missed) = GroupPlan::compute(&all(), 0, &host);
    let mut group = match Group::create(&plan, &host) {
        Ok(group) => group,
        Err(fault) => return fault.to_string(),
    };
    let mut worker = Forked::run(|voice| {
        group.join().unwrap();
        let checks = GroupObservation::observe(&host).unwrap().checks(&plan, group.place());
        voice.say(&format!("{} {:?}", checks.len(), differences(&checks)));
        voice.wait();
    });
    let found = worker.line();
    let ended = group.kill().and_then(|()| group.remove(std::time::Duration::from_secs(30)));
    format!("{found} {} missed, {ended:?}, killed {}", missed.len(), was_killed(worker.end()))
}

#[test]
fn in_groups_that_were_given_to_it_a_host_without_rights_holds_every_limit() {
    let Some(host) = machine(&["memory", "cpu", "pids"]) else { return };
    if host.holder("memory").is_some_and(|hierarchy| hierarchy.version == GroupVersion::V2) {
        println!("not tested: groups that hold processes hand no controllers down in the unified hierarchy");
        return;
    }
    let (plan, _) = GroupPlan::compute(&all(), 0, &host);
    let mut given = Group::create(&plan, &host).unwrap();
    for directory in &given.place().directories {
        for path in [directory.path.clone(), directory.path.join("cgroup.procs")] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let mut child = Forked::run(|voice| {
        given.join().unwrap();
        become_nobody();
        voice.say(&use_delegated());
    });
    let n_directories = given.place().directories.len();
    assert_eq!(child.line(), format!("{} [] 0 missed, Ok(()), killed true", n_directories + 3));
    child.end();
    given.remove(std::time::Duration::from_secs(30)).unwrap();
}
