//! Compares a receipt with its plan, and puts both into the words of a report.
//! It reads no machine state: the same inputs give the same answer anywhere.

use nix::errno::Errno;
use plugdock_contracts::outcome::{Mechanism, MechanismState, SandboxReport};
use serde::{Deserialize, Serialize};

use crate::group::PlannedGroup;
use crate::plan::SandboxPlan;
use crate::receipt::Receipt;
use crate::seccomp::SyscallPolicy;

/// The signal number of `SIGKILL`, the only death signal a worker cannot ignore.
const KILL: i32 = libc::SIGKILL;

/// The seccomp mode of a process whose system calls are filtered.
const FILTER: u32 = 2;

/// A fact of the receipt that is not what the plan says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{mechanism} should be {planned} but is {observed}")]
#[non_exhaustive]
pub struct Mismatch {
    /// Which mechanism.
    pub mechanism: String,
    /// What the plan says.
    pub planned: String,
    /// What the process found.
    pub observed: String,
}

/// Compares what the process found with what was planned.
///
/// # Errors
/// Every difference, not only the first.
pub fn verify(plan: &SandboxPlan, receipt: &Receipt) -> Result<(), Vec<Mismatch>> {
    let wrong: Vec<Mismatch> =
        checks(plan, receipt).into_iter().filter(|check| !check.holds()).map(Check::into_mismatch).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What to tell a user: each planned mechanism with what was read back, then what was asked for and is not in force.
///
/// A limit that something weaker stands in for has two lines: the limit, not enforced, with the difference; and the
/// mechanism that is in force.
pub fn report(plan: &SandboxPlan, receipt: &Receipt) -> SandboxReport {
    let held = checks(plan, receipt).into_iter().map(|check| {
        if check.holds() {
            Mechanism::new(check.mechanism, MechanismState::Enforced, check.observed)
        } else {
            let mismatch = check.into_mismatch();
            let detail = mismatch.to_string();
            Mechanism::new(mismatch.mechanism, MechanismState::NotEnforced, detail)
        }
    });
    let missed = plan
        .unenforced
        .iter()
        .map(|missed| Mechanism::new(&*missed.limit, MechanismState::NotEnforced, &*missed.reason));
    let mut report = SandboxReport::default();
    plan.profile.as_str().clone_into(&mut report.profile);
    report.mechanisms = held.chain(missed).collect();
    report
}

struct Check {
    mechanism: String,
    planned: String,
    observed: String,
}

impl Check {
    fn new(mechanism: &str, planned: &dyn ToString, observed: &dyn ToString) -> Self {
        Self { mechanism: mechanism.to_owned(), planned: planned.to_string(), observed: observed.to_string() }
    }

    fn holds(&self) -> bool {
        self.planned == self.observed
    }

    fn into_mismatch(self) -> Mismatch {
        Mismatch { mechanism: self.mechanism, planned: self.planned, observed: self.observed }
    }
}

fn checks(plan: &SandboxPlan, receipt: &Receipt) -> Vec<Check> {
    let mask = |mask: u32| format!("{mask:03o}");
    let mut checks = vec![
        // The group is what gets killed, so a worker has to lead its own.
        Check::new("own-process-group", &receipt.pid, &receipt.process_group),
        // Within one session a process could move into another worker's group.
        Check::new("own-session", &receipt.pid, &receipt.session),
        Check::new("signals-blocked", &"none", &signals(receipt.signals_blocked)),
        Check::new("signals-ignored", &"none", &signals(receipt.signals_ignored)),
        Check::new("umask", &mask(plan.umask), &mask(receipt.umask)),
        Check::new(
            "descriptors",
            &list(0..=plan.last_descriptor),
            &list(receipt.descriptors.iter().copied()),
        ),
    ];
    if plan.no_new_privs {
        checks.push(Check::new("no-new-privileges", &true, &receipt.no_new_privs));
    }
    if plan.die_with_spawner {
        checks.push(Check::new("parent-death-signal", &KILL, &receipt.death_signal.unwrap_or(0)));
    }
    if let Some(planned) = &plan.group {
        checks.extend(grouped(planned, receipt));
    }
    if let Some(adj) = plan.oom_score_adj {
        checks.push(Check::new("oom-score-adj", &adj, &receipt.oom_score_adj));
    }
    if plan.drop_privileges {
        let sets = receipt.capabilities.sets(receipt.uid == 0);
        checks.extend(sets.map(|(name, set)| Check::new(name, &"none", &capabilities(set))));
    }
    if let Some(domain) = &plan.domain {
        checks.extend(walls(domain.opens_root(), receipt));
    }
    if let Some(policy) = &plan.syscalls {
        checks.push(Check::new("seccomp", &FILTER, &receipt.seccomp));
        checks.extend(filtered(policy, receipt));
    }
    for limit in &plan.rlimits {
        let observed =
            receipt.rlimit(limit.kind).map_or_else(|| "not reported".to_owned(), |found| found.values());
        checks.push(Check::new(limit.kind.as_str(), &limit.values(), &observed));
    }
    checks
}

/// Membership in the control group, and each limit that it holds.
fn grouped(planned: &PlannedGroup, receipt: &Receipt) -> Vec<Check> {
    match &receipt.group {
        Some(found) => found
            .observation
            .checks(&planned.plan, &found.place)
            .into_iter()
            .map(|check| Check {
                mechanism: check.mechanism,
                planned: check.planned,
                observed: check.observed,
            })
            .collect(),
        None => vec![Check::new("control-group", &"joined", &"not joined")],
    }
}

/// The walls of a domain, each with the errno that it answered.
fn walls(root_is_open: bool, receipt: &Receipt) -> Vec<Check> {
    match receipt.walls {
        Some(walls) => walls
            .checks(root_is_open)
            .into_iter()
            .map(|(name, planned, observed)| Check::new(name, &answer(planned), &answer(observed)))
            .collect(),
        None => vec![Check::new("landlock", &"in force", &"not tried")],
    }
}

/// How filtered system calls answered.
fn filtered(policy: &SyscallPolicy, receipt: &Receipt) -> Vec<Check> {
    match receipt.answers {
        Some(answers) => answers
            .checks(policy)
            .into_iter()
            .map(|(name, planned, observed)| Check::new(name, &answer(planned), &answer(observed)))
            .collect(),
        None => vec![Check::new("seccomp-answers", &"as planned", &"not tried")],
    }
}

fn answer(errno: i32) -> String {
    if errno == 0 { "open".to_owned() } else { format!("closed ({})", Errno::from_raw(errno)) }
}

fn capabilities(set: u64) -> String {
    if set == 0 { "none".to_owned() } else { format!("{set:#x}") }
}

fn signals(mask: u64) -> String {
    if mask == 0 { "none".to_owned() } else { list((1..=64).filter(|n| mask & (1 << (n - 1)) != 0)) }
}

fn list(numbers: impl Iterator<Item = i32>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::limits::Limits;
    use plugdock_contracts::permission::Permissions;
    use plugdock_contracts::size::ByteSize;

    use super::*;
    use crate::domain::{DomainPlan, Walls};
    use crate::group::{
        GroupDirectory, GroupHost, GroupObservation, GroupPlace, GroupReceipt, GroupVersion, Hierarchy,
    };
    use crate::plan::SandboxProfile;
    use crate::privilege::Held;
    use crate::rlimit::{Rlimit, RlimitKind};
    use crate::seccomp::SyscallAnswers;

    fn plan() -> SandboxPlan {
        SandboxPlan {
            profile: SandboxProfile::Trusted,
            rlimits: vec![Rlimit::exactly(RlimitKind::Core, 0), Rlimit::exactly(RlimitKind::OpenFiles, 64)],
            no_new_privs: true,
            last_descriptor: 3,
            umask: 0o077,
            die_with_spawner: true,
            oom_score_adj: Some(100),
            domain: None,
            syscalls: None,
            drop_privileges: false,
            group: None,
            unenforced: Vec::new(),
        }
    }

    fn receipt() -> Receipt {
        Receipt {
            pid: 7,
            process_group: 7,
            session: 7,
            uid: 1000,
            no_new_privs: true,
            seccomp: 0,
            signals_blocked: 0,
            signals_ignored: 0,
            umask: 0o077,
            rlimits: plan().rlimits,
            descriptors: vec![0, 1, 2, 3],
            death_signal: Some(KILL),
            dumpable: false,
            oom_score_adj: 100,
            capabilities: Held::default(),
            walls: None,
            answers: None,
            group: None,
        }
    }

    /// Makes one fact false.
    type Spoil = fn(&mut Receipt);

    /// How a process under `restricted` is answered.
    const ANSWERS: SyscallAnswers = SyscallAnswers {
        clone3: libc::ENOSYS,
        unshare: libc::EPERM,
        socket: libc::EAFNOSUPPORT,
        connect: libc::EPERM,
        process_group: libc::EPERM,
        mode: libc::EPERM,
    };

    #[test]
    fn a_true_receipt_passes_and_every_false_fact_is_named() {
        assert_eq!(verify(&plan(), &receipt()), Ok(()));
        let rows: [(&str, Spoil); 11] = [
            ("own-process-group", |r| r.process_group = 1),
            ("own-session", |r| r.session = 1),
            ("signals-blocked", |r| r.signals_blocked = 1 << 14),
            ("signals-ignored", |r| r.signals_ignored = 1 << 31),
            ("umask", |r| r.umask = 0o022),
            ("descriptors", |r| r.descriptors.push(9)),
            ("no-new-privileges", |r| r.no_new_privs = false),
            ("parent-death-signal", |r| r.death_signal = None),
            ("oom-score-adj", |r| r.oom_score_adj = 0),
            ("RLIMIT_CORE", |r| r.rlimits[0].hard = 5),
            ("RLIMIT_NOFILE", |r| r.rlimits.truncate(1)),
        ];
        for (mechanism, spoil) in rows {
            let mut spoilt = receipt();
            spoil(&mut spoilt);
            let wrong = verify(&plan(), &spoilt).unwrap_err();
            assert_eq!(wrong.iter().map(|w| w.mechanism.as_str()).collect::<Vec<_>>(), [mechanism]);
        }
    }

    #[test]
    fn each_wall_of_a_confined_worker_is_checked() {
        let mut plan = plan();
        plan.domain = Some(DomainPlan::compute(&Permissions::deny_all(), 7));
        plan.syscalls = Some(SyscallPolicy::restricted());
        plan.drop_privileges = true;
        let mut confined = receipt();
        confined.seccomp = 2;
        confined.uid = 0;
        confined.walls = Some(Walls { files: libc::EACCES, tcp: libc::EACCES, signals: libc::EPERM });
        confined.answers = Some(ANSWERS);
        assert_eq!(verify(&plan, &confined), Ok(()));
        let rows: [(&str, Spoil); 17] = [
            ("seccomp", |r| r.seccomp = 0),
            ("seccomp-answers", |r| r.answers = None),
            ("seccomp-clone3", |r| r.answers.as_mut().unwrap().clone3 = libc::EINVAL),
            ("seccomp-unshare", |r| r.answers.as_mut().unwrap().unshare = libc::EINVAL),
            ("seccomp-socket", |r| r.answers.as_mut().unwrap().socket = 0),
            ("seccomp-connect", |r| r.answers.as_mut().unwrap().connect = libc::EBADF),
            ("seccomp-process-group", |r| r.answers.as_mut().unwrap().process_group = 0),
            ("seccomp-mode", |r| r.answers.as_mut().unwrap().mode = libc::EFAULT),
            ("landlock", |r| r.walls = None),
            ("landlock-files", |r| r.walls.as_mut().unwrap().files = 0),
            ("landlock-tcp", |r| r.walls.as_mut().unwrap().tcp = 0),
            ("landlock-signals", |r| r.walls.as_mut().unwrap().signals = 0),
            ("capabilities-effective", |r| r.capabilities.effective = 1),
            ("capabilities-permitted", |r| r.capabilities.permitted = 1),
            ("capabilities-inheritable", |r| r.capabilities.inheritable = 1),
            ("capabilities-bounding", |r| r.capabilities.bounding = 1 << 21),
            ("capabilities-ambient", |r| r.capabilities.ambient = 1),
        ];
        for (mechanism, spoil) in rows {
            let mut spoilt = confined.clone();
            spoil(&mut spoilt);
            let wrong = verify(&plan, &spoilt).unwrap_err();
            assert_eq!(wrong.iter().map(|w| w.mechanism.as_str()).collect::<Vec<_>>(), [mechanism]);
        }
        // Without the privilege to empty it the bounding set stays, and gives nothing.
        confined.uid = 1000;
        confined.capabilities.bounding = u64::MAX;
        assert_eq!(verify(&plan, &confined), Ok(()));
    }

    /// A group of 64 MiB, half a core and ten processes on the first version, and what its member finds.
    fn grouped() -> (SandboxPlan, Receipt) {
        let hierarchy = |version, controllers: &[&str]| Hierarchy {
            version,
            mount: "/c".into(),
            root: "/".to_owned(),
            base: "/".to_owned(),
            controllers: controllers.iter().map(ToString::to_string).collect(),
        };
        let host = GroupHost {
            hierarchies: vec![
                hierarchy(GroupVersion::V1, &["memory", "cpu", "pids"]),
                hierarchy(GroupVersion::V2, &[]),
            ],
            absent: Vec::new(),
        };
        let mut limits = Limits::default();
        limits.memory = Some(ByteSize::from_mib(64));
        limits.cpu_millicores = Some(500);
        limits.processes = Some(10);
        let directory = |hierarchy: &Hierarchy| GroupDirectory {
            version: hierarchy.version,
            controllers: hierarchy.controllers.clone(),
            group: "/own".to_owned(),
            path: "/c/own".into(),
        };
        let place = GroupPlace {
            name: "own".to_owned(),
            directories: host.hierarchies.iter().map(directory).collect(),
            cpu_millicores: Some(500),
        };
        let names = ["cgroup-v2", "cpu", "memory", "pids"];
        let observation = GroupObservation {
            groups: names.map(|name| (name.to_owned(), "/own".to_owned())).to_vec(),
            memory: Some(80 << 20),
            cpu_millicores: Some(500),
            processes: Some(10),
        };
        let (mut plan, mut receipt) = (plan(), receipt());
        (plan.group, _) = PlannedGroup::compute(&limits, &host);
        receipt.group = Some(GroupReceipt { place, observation });
        (plan, receipt)
    }

    #[test]
    fn each_group_and_each_limit_of_it_is_checked() {
        fn seen(receipt: &mut Receipt) -> &mut GroupObservation {
            &mut receipt.group.as_mut().unwrap().observation
        }
        let (plan, found) = grouped();
        assert_eq!(verify(&plan, &found), Ok(()));
        let rows: [(&str, Spoil); 9] = [
            ("control-group", |r| r.group = None),
            ("control-group-of-cgroup-v2", |r| seen(r).groups[0].1 = "/".to_owned()),
            ("control-group-of-memory", |r| seen(r).groups[2].1 = "/own/below".to_owned()),
            ("control-group-of-pids", |r| seen(r).groups.truncate(3)),
            ("memory", |r| seen(r).memory = Some(u64::MAX)),
            ("memory", |r| seen(r).memory = None),
            ("cpu-share", |r| seen(r).cpu_millicores = Some(501)),
            ("processes", |r| seen(r).processes = Some(11)),
            ("control-group-of-cgroup-v2", |r| seen(r).groups.retain(|(name, _)| name != "cgroup-v2")),
        ];
        for (mechanism, spoil) in rows {
            let mut spoilt = found.clone();
            spoil(&mut spoilt);
            let wrong = verify(&plan, &spoilt).unwrap_err();
            assert_eq!(wrong.iter().map(|w| w.mechanism.as_str()).collect::<Vec<_>>(), [mechanism]);
        }
        let mut elsewhere = found;
        elsewhere.group.as_mut().unwrap().place.directories.clear();
        let wrong = verify(&plan, &elsewhere).unwrap_err();
        let names: Vec<_> = wrong.iter().map(|w| w.mechanism.as_str()).collect();
        assert_eq!(
            names,
            ["memory", "cpu-share", "processes"],
            "a limit counts only in a group that was made for it"
        );
    }

    #[test]
    fn a_report_says_by_what_each_limit_of_a_group_is_held() {
        let (plan, found) = grouped();
        let report = report(&plan, &found);
        let detail =
            |name: &str| report.mechanisms.iter().find(|line| line.name == name).unwrap().detail.as_str();
        assert_eq!(
            ["memory", "cpu-share", "processes"].map(detail),
            ["cgroup-v1, 83886080 bytes", "cgroup-v1, 500 millicores", "cgroup-v1, 10 processes and threads"]
        );
    }

    #[test]
    fn differences_read_like_a_sentence() {
        let mut spoilt = receipt();
        spoilt.signals_ignored = (1 << 31) | 1;
        let wrong = verify(&plan(), &spoilt).unwrap_err();
        assert_eq!(wrong[0].to_string(), "signals-ignored should be none but is 1,32");
    }

    #[test]
    fn a_report_has_what_holds_and_what_does_not() {
        let mut plan = plan();
        for (limit, partly) in [("memory", true), ("processes", false)] {
            plan.unenforced.push(crate::plan::Unenforced {
                limit: limit.into(),
                reason: "because".into(),
                partly,
            });
        }
        let mut spoilt = receipt();
        spoilt.umask = 0;
        let report = report(&plan, &spoilt);
        assert_eq!(report.profile, "trusted");
        let find = |name: &str| report.mechanisms.iter().find(|line| line.name == name).unwrap();
        assert_eq!(find("no-new-privileges").state, MechanismState::Enforced);
        assert_eq!(find("RLIMIT_NOFILE").detail, "64");
        assert_eq!(find("umask").state, MechanismState::NotEnforced);
        assert_eq!(find("umask").detail, "umask should be 077 but is 000");
        assert_eq!(find("memory").state, MechanismState::NotEnforced);
        assert_eq!(find("processes").detail, "because");
    }
}
