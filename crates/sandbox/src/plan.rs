//! The sandbox plan: what the kernel will hold for one worker, computed before anything starts.
//! It is pure data: nothing here reads or changes the machine.

use std::fmt::Write as _;
use std::time::Duration;

use plugdock_contracts::limits::Limits;
use serde::{Deserialize, Serialize};

use crate::capability::HostCapabilities;
use crate::rlimit::{Rlimit, RlimitKind};

/// Descriptors a worker needs before its first line of code: 0 to 3, a directory being read, a few for the loader.
pub const MIN_OPEN_FILES: u64 = 16;

/// Processor seconds between `SIGXCPU` and the kernel's `SIGKILL`, so that a runtime can say why it ends.
const CPU_GRACE_SECONDS: u64 = 1;

/// The highest descriptor a worker keeps: 0 to 2 are the standard streams and 3 is its channel.
const LAST_KEPT_DESCRIPTOR: i32 = 3;

/// How much is isolated. The profiles beyond `trusted` need mechanisms this crate does not apply yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SandboxProfile {
    /// First-party code in its own process: same user, same file system, same network as the host.
    #[default]
    Trusted,
}

impl SandboxProfile {
    /// The stable name, as configuration and reports spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
        }
    }
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
    /// What was asked for and is not in force.
    pub unenforced: Vec<Unenforced>,
}

impl SandboxPlan {
    /// Computes the plan of the `trusted` profile for `limits` on a machine with `capabilities`.
    ///
    /// Memory is held with `RLIMIT_DATA` (private writable memory of one process), not with `RLIMIT_AS`: the
    /// latter counts address space that a runtime reserves and never touches, and breaks programs that stay
    /// far below the limit in memory.
    pub fn compute(limits: &Limits, capabilities: &HostCapabilities) -> Self {
        let mut plan = Self {
            profile: SandboxProfile::Trusted,
            rlimits: vec![Rlimit::exactly(RlimitKind::Core, 0)],
            no_new_privs: true,
            last_descriptor: LAST_KEPT_DESCRIPTOR,
            umask: 0o077,
            die_with_spawner: true,
            oom_score_adj: None,
            unenforced: Vec::new(),
        };
        if let Some(memory) = limits.memory {
            plan.limit(RlimitKind::Data, memory.bytes(), 0, capabilities);
            plan.hold_partly(
                "memory",
                "held per process for private writable memory (RLIMIT_DATA); shared mappings, memory files and \
                 the sum over several processes are not held without a memory control group",
            );
        }
        if let Some(cpu) = limits.cpu_time {
            plan.limit(RlimitKind::Cpu, whole_seconds(cpu), CPU_GRACE_SECONDS, capabilities);
            plan.hold_partly(
                "cpu_time",
                "held per process in whole seconds, rounded up (RLIMIT_CPU); the sum over several processes is not held",
            );
        }
        if let Some(files) = limits.open_files {
            plan.open_files(u64::from(files), capabilities);
        }
        if let Some(size) = limits.file_size {
            plan.limit(RlimitKind::FileSize, size.bytes(), 0, capabilities);
        }
        if let Some(stack) = limits.stack {
            plan.limit(RlimitKind::Stack, stack.bytes(), 0, capabilities);
        }
        if limits.cpu_millicores.is_some() {
            plan.miss("cpu_millicores", "no per-process limit holds a share of processor time; it needs a cpu control group");
        }
        if limits.processes.is_some() {
            plan.miss("processes", process_limit_reason(capabilities));
        }
        plan
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
                &format!("a worker needs {MIN_OPEN_FILES} descriptors to start, so {MIN_OPEN_FILES} is in force"),
            );
        }
        self.limit(RlimitKind::OpenFiles, asked.max(MIN_OPEN_FILES), 0, capabilities);
    }

    fn miss(&mut self, limit: &str, reason: &str) {
        self.unenforced.push(Unenforced { limit: limit.to_owned(), reason: reason.to_owned(), partly: false });
    }

    fn hold_partly(&mut self, limit: &str, reason: &str) {
        self.unenforced.push(Unenforced { limit: limit.to_owned(), reason: reason.to_owned(), partly: true });
    }
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
