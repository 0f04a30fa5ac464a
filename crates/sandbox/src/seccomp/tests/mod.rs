//! The filter against its policy (in an interpreter), and against the kernel (in forked children).
//! What Landlock and namespaces refuse is tested where they are.

mod argument;
mod child;
mod interpreter;
mod kernel;
mod pair;
mod program;
mod program_run;
mod ruling;

use std::sync::LazyLock;

use libc::sock_filter;

use super::arch::Arch;
use super::decision::Decision;
use super::policy::{SocketRule, SyscallPolicy};
use super::program::compile;
use super::ruling::decide;

/// As `untrusted`, with the way to a proxy open.
const PROXIED: SyscallPolicy =
    SyscallPolicy { sockets: SocketRule::Families, deny_session: false, deny_path_metadata: false };

static POLICIES: [SyscallPolicy; 3] = [SyscallPolicy::restricted(), SyscallPolicy::untrusted(), PROXIED];

/// What becomes of one of [`POLICIES`] on one architecture.
struct Compiled {
    policy: &'static SyscallPolicy,
    arch: Arch,
    decision: Decision,
    program: Vec<sock_filter>,
}

static COMPILED: LazyLock<Vec<Compiled>> = LazyLock::new(|| {
    let both = |policy| Arch::ALL.map(|arch| (policy, arch));
    let made = POLICIES.iter().flat_map(both).map(|(policy, arch)| {
        let decision = decide(policy, arch);
        Compiled { policy, arch, program: compile(&decision), decision }
    });
    made.collect()
});
