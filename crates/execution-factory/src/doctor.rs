//! What this machine can enforce, as data for people: facts of the kernel, and what this version does with them.

use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::outcome::{Mechanism, MechanismState};
use plugdock_contracts::{ByteSize, Limits, Permissions};
use plugdock_sandbox::group::{GroupPlan, HeldLimit};
use plugdock_sandbox::{Explanation, Fact, HostCapabilities, MissingFacility, SandboxProfile, Wall};
use serde::Serialize;

/// What was found on this machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DoctorReport {
    /// The kernel's release, or why it is not known.
    pub kernel: String,
    /// The user this process runs as.
    pub uid: u32,
    /// The profile that workers have unless another is configured.
    pub strongest: SandboxProfile,
    /// Each profile, and what it lacks here.
    pub profiles: Vec<ProfileReport>,
    /// What holds a worker under the strongest profile, and what does not.
    pub mechanisms: Vec<Mechanism>,
    /// What the machine offers and this version does not use yet.
    pub available: Vec<Mechanism>,
}

/// Whether a profile can be had here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProfileReport {
    /// The profile.
    pub profile: SandboxProfile,
    /// What it needs and the machine does not give; with nothing missing it can be had.
    pub missing: Vec<MissingFacility>,
}

/// Looks at this machine. Nothing is changed and nothing is tried.
pub fn doctor() -> DoctorReport {
    report(&HostCapabilities::probe())
}

/// What a plugin may here, and what holds it: under a profile, or under the strongest.
///
/// # Errors
/// `INSUFFICIENT_ISOLATION` when the machine lacks what the profile needs.
pub fn explain(
    permissions: &Permissions,
    limits: &Limits,
    profile: Option<SandboxProfile>,
) -> Result<Explanation, ExecutionError> {
    let host = HostCapabilities::probe();
    let profile = profile.unwrap_or_else(|| SandboxProfile::strongest(&host));
    plugdock_sandbox::explain(permissions, limits, profile, &host)
        .map_err(|error| crate::worker::insufficient(&error))
}

fn report(host: &HostCapabilities) -> DoctorReport {
    let strongest = SandboxProfile::strongest(host);
    let profile = |profile| ProfileReport { profile, missing: host.missing(profile) };
    DoctorReport {
        kernel: host.kernel.known().cloned().unwrap_or_else(|| "unknown".to_owned()),
        uid: host.uid,
        strongest,
        profiles: SandboxProfile::ALL.into_iter().map(profile).collect(),
        mechanisms: mechanisms(host, strongest),
        available: available(host),
    }
}

fn mechanisms(host: &HostCapabilities, profile: SandboxProfile) -> Vec<Mechanism> {
    let held = |name: &str, detail: &str| Mechanism::new(name, MechanismState::Enforced, detail);
    let not_held = |name: &str, detail: &str| Mechanism::new(name, MechanismState::NotEnforced, detail);
    let limits = Limits::default();
    let mut found = match plugdock_sandbox::explain(&Permissions::deny_all(), &limits, profile, host) {
        Ok(explained) => {
            let wall = |wall: &Wall| match wall.by {
                Some(by) => held(wall.what, by),
                None => not_held(wall.what, "nothing holds it under this profile"),
            };
            explained.walls.iter().map(wall).collect()
        }
        // Even the weakest profile needs something; what is missing stands beside it.
        Err(error) => vec![not_held("sandbox", &error.to_string())],
    };
    found.extend([
        match &host.pidfd {
            Fact::Known(true) => {
                held("pidfd", "a process is held by descriptor, so no other can be killed in its place")
            }
            Fact::Known(false) => not_held("pidfd", "this kernel does not have it"),
            Fact::Unknown(reason) => not_held("pidfd", reason),
        },
        held("cpu time, open files, file size, stack, core", "per process, by resource limits"),
        not_held("storage", "counted when the execution ends, not held while it runs"),
    ]);
    found.extend(of_the_whole(host));
    found
}

/// What is held of a worker as a whole, if a limit asks for it.
fn of_the_whole(host: &HostCapabilities) -> [Mechanism; 3] {
    let mut asked = Limits::default();
    // Which limits can be held does not depend on how large they are.
    asked.memory = Some(ByteSize::from_mib(1));
    asked.cpu_millicores = Some(1);
    asked.processes = Some(1);
    let (plan, missed) = GroupPlan::compute(&asked, 0, &host.groups);
    let line = |name: &str, limit: &str, held: Option<HeldLimit>| {
        if let Some(held) = held {
            let detail = format!("of the whole worker, by {}", held.mechanism());
            return Mechanism::new(name, MechanismState::Enforced, detail);
        }
        let reason = missed.iter().find(|missed| missed.limit == limit).map(|missed| &*missed.reason);
        Mechanism::new(name, MechanismState::NotEnforced, reason.unwrap_or_default())
    };
    let mut memory = line("memory", "memory", plan.memory);
    if plan.memory.is_none() {
        let by_process = "private writable memory of one process, by RLIMIT_DATA; not the sum over processes";
        memory =
            Mechanism::new("memory", MechanismState::Enforced, format!("{by_process}: {}", memory.detail));
    }
    [
        memory,
        line("processes", "processes", plan.processes),
        line("cpu share", "cpu_millicores", plan.cpu_millicores),
    ]
}

fn available(host: &HostCapabilities) -> Vec<Mechanism> {
    let offered = |name: &str, detail: Result<String, &String>| match detail {
        Ok(detail) => Mechanism::new(name, MechanismState::NotRequested, detail),
        Err(reason) => Mechanism::new(name, MechanismState::NotEnforced, reason.clone()),
    };
    vec![offered("user namespaces", known(&host.max_user_namespaces, |max| format!("at most {max}")))]
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
        assert_eq!(state("storage"), Some(MechanismState::NotEnforced));
        assert_eq!(state("the host's environment"), Some(MechanismState::Enforced));
        assert!(report.available.iter().any(|mechanism| mechanism.name == "user namespaces"));
    }

    #[test]
    fn without_control_groups_it_is_said_what_that_leaves_open() {
        let mut host = HostCapabilities::probe();
        host.groups = plugdock_sandbox::group::GroupHost::default();
        let found = of_the_whole(&host).map(|one| (one.state, one.detail));
        assert!(found.iter().all(|(_, detail)| detail.contains("no control group hierarchy")), "{found:?}");
        let is_enforced = found.map(|(state, _)| state == MechanismState::Enforced);
        assert_eq!(is_enforced, [true, false, false]);
    }

    #[test]
    fn each_profile_says_what_it_lacks() {
        let mut host = HostCapabilities::probe();
        host.landlock_abi = Fact::Known(4);
        let report = report(&host);
        assert_eq!(report.strongest, SandboxProfile::Trusted);
        let lacking: Vec<(SandboxProfile, usize)> =
            report.profiles.iter().map(|profile| (profile.profile, profile.missing.len())).collect();
        assert_eq!(lacking, [(SandboxProfile::Trusted, 0), (SandboxProfile::Restricted, 1)]);
        let files =
            report.mechanisms.iter().find(|found| found.name == "files that are not granted").unwrap();
        assert_eq!(files.state, MechanismState::NotEnforced);
    }
}
