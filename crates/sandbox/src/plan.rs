//! The sandbox plan: what the kernel will hold for one worker, computed before anything starts.
//! It is pure data: nothing here reads or changes the machine.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use plugdock_contracts::limits::Limits;
use plugdock_contracts::permission::Permissions;
use serde::{Deserialize, Serialize};

use crate::capability::{HostCapabilities, MissingFacility};
use crate::domain::{DomainPlan, FileRule};
use crate::group::{NotHeld, PlannedGroup};
use crate::rlimit::{Rlimit, RlimitKind};
use crate::seccomp::SyscallPolicy;

/// Descriptors a worker needs before its first line of code: 0 to 3, a directory being read, a few for the loader.
pub const MIN_OPEN_FILES: u64 = 16;

/// Processor seconds between `SIGXCPU` and the kernel's `SIGKILL`, so that a runtime can say why it ends.
const CPU_GRACE_SECONDS: u64 = 1;

/// The highest descriptor a worker keeps: 0 to 2 are the standard streams and 3 is its channel.
const LAST_KEPT_DESCRIPTOR: i32 = 3;

/// How much is isolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SandboxProfile {
    /// First-party code in its own process: same user, same file system, same network as the host.
    #[default]
    Trusted,
    /// Third-party code where namespaces are not to be had: the host's view of the machine, of which Landlock and a filter
    /// of system calls leave the granted part.
    Restricted,
}

impl SandboxProfile {
    /// Every profile, the weakest first.
    pub const ALL: [Self; 2] = [Self::Trusted, Self::Restricted];

    /// The stable name, as configuration and reports spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Restricted => "restricted",
        }
    }

    /// The strongest profile of which the machine lacks nothing.
    pub fn strongest(capabilities: &HostCapabilities) -> Self {
        let given = Self::ALL.into_iter().filter(|profile| capabilities.missing(*profile).is_empty());
        given.max().unwrap_or_default()
    }
}

impl fmt::Display for SandboxProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The machine lacks what a profile needs. Nothing weaker is put in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox profile `{profile}` needs what this machine does not give: {}", join(missing))]
#[non_exhaustive]
pub struct InsufficientMachine {
    /// The profile that was asked for.
    pub profile: SandboxProfile,
    /// Everything that is missing.
    pub missing: Vec<MissingFacility>,
}

fn join(missing: &[MissingFacility]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A limit that was asked for and is not held, with the reason in words a user can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unenforced {
    /// The name of the limit in the manifest.
    pub limit: String,
    /// Why it is not in force, or how what is in force differs from what was asked.
    pub reason: String,
    /// Whether something weaker (or, for a minimum, something larger) is in force in its place.
    pub partly: bool,
}

/// Of all processes, the kernel should end a worker first when memory is short: it can be started again.
const FIRST_TO_GO: i32 = 1000;

/// What will be in force for a worker. It crosses to the spawner as JSON and is compared with the [`crate::Receipt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SandboxPlan {
    /// The profile the plan was computed for.
    pub profile: SandboxProfile,
    /// Resource limits, each kind at most once.
    pub rlimits: Vec<Rlimit>,
    /// Whether `PR_SET_NO_NEW_PRIVS` is set: no set-user-id program gains anything.
    pub no_new_privs: bool,
    /// Descriptors above this one are closed.
    pub last_descriptor: i32,
    /// The file mode creation mask.
    pub umask: u32,
    /// Whether the worker is killed when the spawner ends.
    pub die_with_spawner: bool,
    /// Adjustment for the kernel's out-of-memory choice; `None` leaves what is inherited.
    pub oom_score_adj: Option<i32>,
    /// What files, ports and processes are reached by the worker's own system calls; `None` leaves it to the user's rights.
    pub domain: Option<DomainPlan>,
    /// Which system calls there are; `None` leaves all.
    pub syscalls: Option<SyscallPolicy>,
    /// Whether every capability is given up, for good.
    pub drop_privileges: bool,
    /// What is held of the worker as a whole; `None` where that is nothing.
    pub group: Option<PlannedGroup>,
    /// What was asked for and is not in force.
    pub unenforced: Vec<Unenforced>,
}

impl SandboxPlan {
    /// Computes what is in force for a worker with these permissions and limits, on a machine with these capabilities.
    /// What differs between workers that are alike, their own directories and program, is added with
    /// [`SandboxPlan::allow`].
    ///
    /// Memory, processor share and processes are held by a control group where one can be made, and then memory by
    /// nothing else: the kernel's kill is the answer. Without one, memory is held with `RLIMIT_DATA` (private writable
    /// memory of one process), not with `RLIMIT_AS`: the latter counts address space that a runtime reserves and never
    /// touches, and breaks programs that stay far below the limit in memory.
    ///
    /// # Errors
    /// [`InsufficientMachine`] when the profile needs what the machine does not give.
    pub fn compute(
        permissions: &Permissions,
        limits: &Limits,
        profile: SandboxProfile,
        capabilities: &HostCapabilities,
    ) -> Result<Self, InsufficientMachine> {
        let missing = capabilities.missing(profile);
        if !missing.is_empty() {
            return Err(InsufficientMachine { profile, missing });
        }
        let mut plan = Self::trusted();
        plan.profile = profile;
        if profile >= SandboxProfile::Restricted {
            plan.restrict(permissions, capabilities);
        }
        plan.hold(limits, capabilities);
        Ok(plan)
    }

    /// What every worker has.
    fn trusted() -> Self {
        Self {
            profile: SandboxProfile::Trusted,
            rlimits: vec![Rlimit::exactly(RlimitKind::Core, 0)],
            no_new_privs: true,
            last_descriptor: LAST_KEPT_DESCRIPTOR,
            umask: 0o077,
            die_with_spawner: true,
            oom_score_adj: None,
            domain: None,
            syscalls: None,
            drop_privileges: false,
            group: None,
            unenforced: Vec::new(),
        }
    }

    /// What `restricted` adds.
    fn restrict(&mut self, permissions: &Permissions, capabilities: &HostCapabilities) {
        let abi = capabilities.landlock_abi.known().copied().unwrap_or(0);
        self.domain = Some(DomainPlan::compute(permissions, abi));
        self.syscalls = Some(SyscallPolicy::restricted());
        self.drop_privileges = true;
        self.oom_score_adj = Some(FIRST_TO_GO);
        // Locked pages and message queues are counted per user and by no other limit.
        self.rlimits.push(Rlimit::exactly(RlimitKind::LockedMemory, 0));
        self.rlimits.push(Rlimit::exactly(RlimitKind::MessageQueues, 0));
    }

    /// Opens a file or directory to the worker, where files are closed at all.
    pub fn allow(&mut self, rule: FileRule) {
        if let Some(domain) = &mut self.domain {
            domain.allow(rule);
        }
    }

    /// Limits, each by the mechanism that holds it here.
    fn hold(&mut self, limits: &Limits, capabilities: &HostCapabilities) {
        let (group, missed) = PlannedGroup::compute(limits, &capabilities.groups);
        self.group = group;
        if let (Some(memory), Some(reason)) = (limits.memory, reason(&missed, "memory")) {
            self.limit(RlimitKind::Data, memory.bytes(), 0, capabilities);
            self.hold_partly(
                "memory",
                &format!(
                    "held per process for private writable memory (RLIMIT_DATA); shared mappings, memory files and \
                     the sum over several processes are not held without a memory control group ({reason})"
                ),
            );
        }
        if let Some(cpu) = limits.cpu_time {
            self.limit(RlimitKind::Cpu, whole_seconds(cpu), CPU_GRACE_SECONDS, capabilities);
            self.hold_partly(
                "cpu_time",
                "held per process in whole seconds, rounded up (RLIMIT_CPU); the sum over several processes is not held",
            );
        }
        if let Some(files) = limits.open_files {
            self.open_files(u64::from(files), capabilities);
        }
        if let Some(size) = limits.file_size {
            self.limit(RlimitKind::FileSize, size.bytes(), 0, capabilities);
        }
        if let Some(stack) = limits.stack {
            self.limit(RlimitKind::Stack, stack.bytes(), 0, capabilities);
        }
        if let Some(reason) = reason(&missed, "cpu_millicores") {
            self.miss(
                "cpu_millicores",
                &format!(
                    "no per-process limit holds a share of processor time; it needs a cpu control group ({reason})"
                ),
            );
        }
        if limits.connections.is_some() {
            self.miss(
                "connections",
                "a worker connects as its user may; there is no network service that could count",
            );
        }
        if let Some(reason) = reason(&missed, "processes") {
            self.miss("processes", &format!("{} ({reason})", process_limit_reason(capabilities)));
        }
    }

    /// One line that is equal for plans that put the same things in force, and different for others.
    /// It is part of a worker's identity; what is *not* enforced does not enter it.
    pub fn identity(&self) -> String {
        let mut text = format!(
            "{};nnp={};fds<={};umask={:03o};pdeath={};oom={}",
            self.profile.as_str(),
            u8::from(self.no_new_privs),
            self.last_descriptor,
            self.umask,
            u8::from(self.die_with_spawner),
            self.oom_score_adj.map_or_else(|| "-".to_owned(), |adj| adj.to_string()),
        );
        let mut rlimits = self.rlimits.clone();
        rlimits.sort_by_key(|limit| limit.kind);
        for limit in rlimits {
            write!(text, ";{}={}:{}", limit.kind, limit.soft, limit.hard)
                .expect("writing to a String cannot fail");
        }
        let more = [
            self.drop_privileges.then(|| "caps=0".to_owned()),
            self.domain.as_ref().map(DomainPlan::identity),
            self.syscalls.as_ref().map(SyscallPolicy::identity),
            self.group.as_ref().map(|group| group.plan.identity()),
        ];
        for line in more.into_iter().flatten() {
            write!(text, ";{line}").expect("writing to a String cannot fail");
        }
        text
    }

    /// A short form of [`SandboxPlan::identity`] for display (FNV-1a, 64 bits). It is no proof of equality:
    /// compare identities for that.
    pub fn digest(&self) -> String {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let hash = self.identity().bytes().fold(OFFSET, |h, byte| (h ^ u64::from(byte)).wrapping_mul(PRIME));
        format!("{hash:016x}")
    }

    fn limit(&mut self, kind: RlimitKind, value: u64, grace: u64, capabilities: &HostCapabilities) {
        // A process without privileges cannot raise its ceiling: what the host may not exceed, the worker may not either.
        let ceiling = capabilities.ceiling(kind);
        let soft = value.min(ceiling);
        let hard = soft.saturating_add(grace).min(ceiling);
        self.rlimits.push(Rlimit { kind, soft, hard });
    }

    fn open_files(&mut self, asked: u64, capabilities: &HostCapabilities) {
        if asked < MIN_OPEN_FILES {
            self.hold_partly(
                "open_files",
                &format!(
                    "a worker needs {MIN_OPEN_FILES} descriptors to start, so {MIN_OPEN_FILES} is in force"
                ),
            );
        }
        self.limit(RlimitKind::OpenFiles, asked.max(MIN_OPEN_FILES), 0, capabilities);
    }

    fn miss(&mut self, limit: &str, reason: &str) {
        self.unenforced.push(Unenforced {
            limit: limit.to_owned(),
            reason: reason.to_owned(),
            partly: false,
        });
    }

    fn hold_partly(&mut self, limit: &str, reason: &str) {
        self.unenforced.push(Unenforced { limit: limit.to_owned(), reason: reason.to_owned(), partly: true });
    }
}

/// Why no control group holds a limit; `None` where one does, or where it was not asked for.
fn reason<'a>(missed: &'a [NotHeld], limit: &str) -> Option<&'a str> {
    missed.iter().find(|missed| missed.limit == limit).map(|missed| missed.reason.as_str())
}

fn whole_seconds(time: Duration) -> u64 {
    let rounded = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    // Zero would mean "kill at once"; the kernel itself treats it as one second.
    rounded.max(1)
}

const fn process_limit_reason(capabilities: &HostCapabilities) -> &'static str {
    if capabilities.uid == 0 {
        "RLIMIT_NPROC does not bind root; it needs a pids control group"
    } else {
        "RLIMIT_NPROC counts every process and thread of the user, not those of the worker; it needs a pids control group"
    }
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::size::ByteSize;

    use super::*;
    use crate::group::{GroupHost, GroupVersion, Hierarchy};

    fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
        let mut limits = Limits::default();
        set(&mut limits);
        limits
    }

    fn host(uid: u32, ceilings: &[(RlimitKind, u64)]) -> HostCapabilities {
        let mut host = HostCapabilities::probe();
        host.uid = uid;
        host.groups = GroupHost::default();
        host.rlimits = ceilings.iter().map(|(kind, value)| Rlimit::exactly(*kind, *value)).collect();
        host
    }

    fn trusted(limits: &Limits, host: &HostCapabilities) -> SandboxPlan {
        SandboxPlan::compute(&Permissions::deny_all(), limits, SandboxProfile::Trusted, host).unwrap()
    }

    #[test]
    fn without_limits_only_core_files_are_limited() {
        let plan = trusted(&Limits::default(), &host(1000, &[]));
        assert_eq!(plan.rlimits, [Rlimit::exactly(RlimitKind::Core, 0)]);
        assert_eq!(plan.unenforced, []);
        assert!(plan.no_new_privs && plan.die_with_spawner);
    }

    #[test]
    fn each_limit_becomes_the_rlimit_that_holds_it() {
        let all = limits(|l| {
            l.memory = Some(ByteSize::from_mib(64));
            l.cpu_time = Some(Duration::from_millis(1500));
            l.open_files = Some(100);
            l.file_size = Some(ByteSize::from_mib(2));
            l.stack = Some(ByteSize::from_mib(1));
        });
        let plan = trusted(&all, &host(1000, &[]));
        let held: Vec<_> = plan.rlimits.iter().map(ToString::to_string).collect();
        assert_eq!(
            held,
            [
                "RLIMIT_CORE 0",
                "RLIMIT_DATA 67108864",
                "RLIMIT_CPU 2 (ceiling 3)",
                "RLIMIT_NOFILE 100",
                "RLIMIT_FSIZE 2097152",
                "RLIMIT_STACK 1048576",
            ]
        );
        let missed: Vec<_> = plan.unenforced.iter().map(|u| (u.limit.as_str(), u.partly)).collect();
        assert_eq!(missed, [("memory", true), ("cpu_time", true)]);
    }

    #[test]
    fn what_nothing_holds_is_listed_with_the_reason() {
        let asked = limits(|l| {
            l.processes = Some(10);
            l.cpu_millicores = Some(500);
        });
        for (uid, word) in [(0, "root"), (1000, "user")] {
            let plan = trusted(&asked, &host(uid, &[]));
            let names: Vec<_> = plan.unenforced.iter().map(|u| (u.limit.as_str(), u.partly)).collect();
            assert_eq!(names, [("cpu_millicores", false), ("processes", false)]);
            assert!(plan.unenforced[1].reason.contains(word), "{:?}", plan.unenforced);
        }
    }

    /// A machine on which the given controllers of the first version can be used.
    fn grouped(controllers: &[&str]) -> HostCapabilities {
        let mut host = host(0, &[]);
        host.groups.hierarchies = vec![Hierarchy {
            version: GroupVersion::V1,
            mount: "/c".into(),
            root: "/".to_owned(),
            base: "/".to_owned(),
            controllers: controllers.iter().map(ToString::to_string).collect(),
        }];
        host
    }

    fn all_three() -> Limits {
        limits(|l| {
            l.memory = Some(ByteSize::from_mib(64));
            l.cpu_millicores = Some(500);
            l.processes = Some(10);
        })
    }

    #[test]
    fn what_a_group_holds_needs_no_rlimit_and_no_remark() {
        let plan = trusted(&all_three(), &grouped(&["memory", "cpu", "pids"]));
        assert_eq!(plan.rlimits, [Rlimit::exactly(RlimitKind::Core, 0)]);
        assert_eq!(plan.unenforced, []);
        let group = plan.group.as_ref().unwrap();
        assert_eq!(group.plan.limits().count(), 3);
        assert!(plan.identity().ends_with(&group.plan.identity()), "{}", plan.identity());
        let other = trusted(&limits(|l| l.processes = Some(11)), &grouped(&["pids"]));
        assert_ne!(
            trusted(&limits(|l| l.processes = Some(10)), &grouped(&["pids"])).identity(),
            other.identity()
        );
    }

    #[test]
    fn each_limit_that_no_group_holds_is_told_with_the_reason() {
        for (held, missed) in [
            (&["memory", "cpu"][..], &["processes"][..]),
            (&["memory", "pids"], &["cpu_millicores"]),
            (&["cpu", "pids"], &["memory"]),
            (&["freezer"], &["memory", "cpu_millicores", "processes"]),
        ] {
            let plan = trusted(&all_three(), &grouped(held));
            let names: Vec<_> = plan.unenforced.iter().map(|one| one.limit.as_str()).collect();
            assert_eq!(names, missed);
            assert!(plan.unenforced.iter().all(|one| one.reason.contains("no control group hierarchy")));
            let by_rlimit = plan.rlimits.iter().any(|limit| limit.kind == RlimitKind::Data);
            assert_eq!(by_rlimit, missed.contains(&"memory"), "{held:?}");
            assert_eq!(plan.group.is_none(), missed.len() == 3, "{held:?}");
        }
    }

    #[test]
    fn no_group_is_made_without_a_limit_for_it() {
        let asked = limits(|l| l.open_files = Some(64));
        assert_eq!(trusted(&asked, &grouped(&["memory", "cpu", "pids", "freezer", "cpuacct"])).group, None);
    }

    #[test]
    fn a_ceiling_of_the_host_is_a_ceiling_of_the_worker() {
        let asked = limits(|l| {
            l.open_files = Some(4096);
            l.cpu_time = Some(Duration::from_secs(100));
        });
        let plan = trusted(&asked, &host(1000, &[(RlimitKind::OpenFiles, 1024), (RlimitKind::Cpu, 100)]));
        assert!(plan.rlimits.contains(&Rlimit::exactly(RlimitKind::OpenFiles, 1024)));
        assert!(plan.rlimits.contains(&Rlimit::exactly(RlimitKind::Cpu, 100)));
    }

    #[test]
    fn too_few_descriptors_to_start_are_raised_and_said() {
        let plan = trusted(&limits(|l| l.open_files = Some(3)), &host(1000, &[]));
        assert!(plan.rlimits.contains(&Rlimit::exactly(RlimitKind::OpenFiles, MIN_OPEN_FILES)));
        assert_eq!(plan.unenforced.len(), 1);
    }

    #[test]
    fn identity_depends_on_what_is_in_force_and_on_nothing_else() {
        let one = trusted(&limits(|l| l.open_files = Some(64)), &host(1000, &[]));
        let mut same = one.clone();
        same.rlimits.reverse();
        same.miss("processes", "any reason");
        assert_eq!((one.identity(), one.digest()), (same.identity(), same.digest()));
        assert_eq!(
            one.identity(),
            "trusted;nnp=1;fds<=3;umask=077;pdeath=1;oom=-;RLIMIT_CORE=0:0;RLIMIT_NOFILE=64:64"
        );
        let mut other = one.clone();
        other.rlimits[1].hard += 1;
        assert_ne!((one.identity(), one.digest()), (other.identity(), other.digest()));
    }
}
