//! What this machine can enforce, as data for people: facts of the kernel, and what this version does with them.

use plugdock_contracts::outcome::{Mechanism, MechanismState};
use plugdock_sandbox::{Fact, HostCapabilities};
use serde::Serialize;

/// What was found on this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DoctorReport {
    /// The kernel's release, or why it is not known.
    pub kernel: String,
    /// The user this process runs as.
    pub uid: u32,
    /// What holds a worker of the subprocess backend here, and what does not.
    pub mechanisms: Vec<Mechanism>,
    /// What the machine offers and this version does not use yet.
    pub available: Vec<Mechanism>,
}

/// Looks at this machine. Nothing is changed and nothing is tried.
pub fn doctor() -> DoctorReport {
    report(&HostCapabilities::probe())
}

fn report(host: &HostCapabilities) -> DoctorReport {
    DoctorReport {
        kernel: host.kernel.known().cloned().unwrap_or_else(|| "unknown".to_owned()),
        uid: host.uid,
        mechanisms: mechanisms(host),
        available: available(host),
    }
}

fn mechanisms(host: &HostCapabilities) -> Vec<Mechanism> {
    let held = |name: &str, detail: &str| Mechanism::new(name, MechanismState::Enforced, detail);
    let not_held = |name: &str, detail: &str| Mechanism::new(name, MechanismState::NotEnforced, detail);
    let yes_no = |name: &str, fact: &Fact<bool>, detail: &str| match fact {
        Fact::Known(true) => held(name, detail),
        Fact::Known(false) => not_held(name, "this kernel does not have it"),
        Fact::Unknown(reason) => not_held(name, reason),
    };
    vec![
        held("process boundary", "each execution has a process group of its own, killed whole"),
        held("environment", "made from scratch; only granted variables are passed on"),
        held("descriptors", "nothing above the channel is inherited"),
        yes_no("no-new-privileges", &host.no_new_privs, "no set-user-id program gains anything"),
        yes_no(
            "pidfd",
            &host.pidfd,
            "a process is held by descriptor, so no other can be killed in its place",
        ),
        held("cpu time, open files, file size, stack, core", "per process, by resource limits"),
        held("memory", "private writable memory of one process, by RLIMIT_DATA; not the sum over processes"),
        not_held("processes", "needs a pids control group, or a user of the worker's own"),
        not_held("cpu share", "needs a cpu control group"),
        not_held("storage", "counted when the execution ends, not held while it runs"),
        not_held("file system", "a worker sees what the host's user sees; host calls are checked"),
        not_held("network", "a worker may connect as the host's user may; host calls are checked"),
    ]
}

fn available(host: &HostCapabilities) -> Vec<Mechanism> {
    let offered = |name: &str, detail: Result<String, &String>| match detail {
        Ok(detail) => Mechanism::new(name, MechanismState::NotRequested, detail),
        Err(reason) => Mechanism::new(name, MechanismState::NotEnforced, reason.clone()),
    };
    let groups =
        |mounts: &Vec<plugdock_sandbox::CgroupMount>| format!("{} hierarchies mounted", mounts.len());
    vec![
        offered("landlock", known(&host.landlock_abi, |abi| format!("ABI {abi}"))),
        offered("seccomp", known(&host.seccomp_actions, |actions| actions.join(" "))),
        offered("user namespaces", known(&host.max_user_namespaces, |max| format!("at most {max}"))),
        offered("control groups v1", known(&host.cgroup_v1, groups)),
        offered(
            "control groups v2",
            known(&host.cgroup_v2, |mount| {
                if mount.is_some() { "mounted".to_owned() } else { "not mounted".to_owned() }
            }),
        ),
    ]
}

fn known<T>(fact: &Fact<T>, show: impl FnOnce(&T) -> String) -> Result<String, &String> {
    match fact {
        Fact::Known(value) => Ok(show(value)),
        Fact::Unknown(reason) => Err(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_held_is_said() {
        let report = doctor();
        let state = |name: &str| {
            report.mechanisms.iter().find(|mechanism| mechanism.name == name).map(|found| found.state)
        };
        assert_eq!(state("network"), Some(MechanismState::NotEnforced));
        assert_eq!(state("environment"), Some(MechanismState::Enforced));
        assert!(report.available.iter().any(|mechanism| mechanism.name == "landlock"));
    }
}
