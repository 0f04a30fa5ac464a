//! What this machine can enforce, as data for people: facts of the kernel, and what this version does with them.

use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::outcome::{Mechanism, MechanismState};
use plugdock_contracts::{Limits, Permissions};
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
        held("memory", "private writable memory of one process, by RLIMIT_DATA; not the sum over processes"),
        not_held("processes", "needs a pids control group, or a user of the worker's own"),
        not_held("cpu share", "needs a cpu control group"),
        not_held("storage", "counted when the execution ends, not held while it runs"),
    ]);
    found
}

fn available(host: &HostCapabilities) -> Vec<Mechanism> {
    let offered = |name: &str, detail: Result<String, &String>| match detail {
        Ok(detail) => Mechanism::new(name, MechanismState::NotRequested, detail),
        Err(reason) => Mechanism::new(name, MechanismState::NotEnforced, reason.clone()),
    };
    let groups =
        |mounts: &Vec<plugdock_sandbox::CgroupMount>| format!("{} hierarchies mounted", mounts.len());
    vec![
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
        assert_eq!(state("storage"), Some(MechanismState::NotEnforced));
        assert_eq!(state("the host's environment"), Some(MechanismState::Enforced));
        assert!(report.available.iter().any(|mechanism| mechanism.name == "user namespaces"));
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
