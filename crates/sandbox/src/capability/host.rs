//! The whole picture of one machine, as the planner and `doctor` use it.
//! It is a snapshot: nothing is tried that could have an effect, so "possible" is not yet "granted".

use serde::{Deserialize, Serialize};

use super::cgroup::{self, CgroupMount};
use super::fact::Fact;
use crate::group::GroupHost;
use crate::rlimit::{Rlimit, RlimitKind};
use crate::sys;

/// What this machine and this user can enforce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HostCapabilities {
    /// The kernel's release string.
    pub kernel: Fact<String>,
    /// The user this process runs as.
    pub uid: u32,
    /// Whether `PR_SET_NO_NEW_PRIVS` exists.
    pub no_new_privs: Fact<bool>,
    /// The Landlock version; 0 when the kernel has none.
    pub landlock_abi: Fact<u32>,
    /// The seccomp actions the kernel offers; empty when it has none.
    pub seccomp_actions: Fact<Vec<String>>,
    /// How many user namespaces may exist; 0 means none. Creating one is not tried here.
    pub max_user_namespaces: Fact<u64>,
    /// The unified control group hierarchy, if mounted.
    pub cgroup_v2: Fact<Option<CgroupMount>>,
    /// Control group hierarchies of the first version.
    pub cgroup_v1: Fact<Vec<CgroupMount>>,
    /// Where control groups can be made for workers, and for which limits.
    pub groups: GroupHost,
    /// Whether a process can be held by descriptor.
    pub pidfd: Fact<bool>,
    /// Yama's restriction of tracing (0 to 3); unknown where Yama is absent.
    pub yama_ptrace_scope: Fact<u32>,
    /// The limits of this process; a worker's cannot exceed the ceilings.
    pub rlimits: Vec<Rlimit>,
}

impl HostCapabilities {
    /// Reads the machine. It never fails: each fact is known, or unknown with a reason.
    pub fn probe() -> Self {
        let cgroups = cgroup::probe();
        Self {
            kernel: read("/proc/sys/kernel/osrelease"),
            uid: nix::unistd::geteuid().as_raw(),
            no_new_privs: Fact::from_result(nix::sys::prctl::get_no_new_privs().map(|_| true)),
            landlock_abi: landlock(),
            seccomp_actions: seccomp(),
            max_user_namespaces: parsed("/proc/sys/user/max_user_namespaces"),
            cgroup_v2: cgroups.v2,
            cgroup_v1: cgroups.v1,
            groups: GroupHost::discover(),
            pidfd: Fact::from_result(sys::pidfd_works().map(|()| true)),
            yama_ptrace_scope: parsed("/proc/sys/kernel/yama/ptrace_scope"),
            rlimits: RlimitKind::ALL.into_iter().filter_map(|kind| Rlimit::read(kind).ok()).collect(),
        }
    }

    /// The highest value a worker can be given for `kind`.
    pub(crate) fn ceiling(&self, kind: RlimitKind) -> u64 {
        self.rlimits.iter().find(|limit| limit.kind == kind).map_or(Rlimit::UNLIMITED, |limit| limit.hard)
    }
}

fn read(path: &str) -> Fact<String> {
    Fact::from_result(
        std::fs::read_to_string(path)
            .map(|text| text.trim().to_owned())
            .map_err(|error| format!("{path}: {error}")),
    )
}

fn parsed<T: std::str::FromStr>(path: &str) -> Fact<T> {
    match read(path) {
        Fact::Known(text) => {
            Fact::from_result(text.parse().map_err(|_not_a_number| format!("{path}: `{text}` is no number")))
        }
        Fact::Unknown(reason) => Fact::Unknown(reason),
    }
}

fn landlock() -> Fact<u32> {
    use nix::errno::Errno;
    match sys::landlock_abi() {
        // Not built in, or switched off at boot: the machine answered, and the answer is "none".
        Err(Errno::ENOSYS | Errno::EOPNOTSUPP) => Fact::Known(0),
        other => Fact::from_result(other),
    }
}

fn seccomp() -> Fact<Vec<String>> {
    match read("/proc/sys/kernel/seccomp/actions_avail") {
        Fact::Known(text) => Fact::Known(text.split_whitespace().map(str::to_owned).collect()),
        Fact::Unknown(reason) => Fact::Unknown(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_answers_every_question_and_travels_as_data() {
        let host = HostCapabilities::probe();
        assert_eq!(host.rlimits.len(), RlimitKind::ALL.len());
        assert!(host.kernel.known().is_some_and(|kernel| kernel.contains('.')));
        assert!(host.no_new_privs.known().is_some());
        assert_eq!(HostCapabilities::probe(), host);
    }

    #[test]
    fn a_missing_file_is_unknown_with_its_path() {
        match parsed::<u32>("/proc/no-such-file") {
            Fact::Unknown(reason) => assert!(reason.contains("/proc/no-such-file"), "{reason}"),
            Fact::Known(value) => panic!("read {value} from nothing"),
        }
    }
}
