//! What the kernel holds for a worker: the plan, how it is applied, and the receipt of what is in force.
//! This crate knows no frames, no handlers, no plugins and no async runtime: it reads and changes the state of
//! the process it is called in, and nothing else.
//!
//! The order of use:
//!
//! 1. The host asks what the machine can do ([`HostCapabilities::probe`]) and computes a plan from the
//!    limits ([`SandboxPlan::compute`]). What the machine cannot hold is listed in the plan.
//! 2. The plan crosses to the spawner as plain data. In the child, before it becomes the worker's program,
//!    [`apply()`] puts it in force; every return code is checked.
//! 3. The same child reads its own state back ([`Receipt::observe`]). The host compares receipt and plan
//!    ([`verify()`]) and sends no work to a worker whose receipt differs.
//! 4. The worker finds its socket with [`channel::take_inherited`].

#[cfg(not(target_os = "linux"))]
compile_error!(
    "plugdock-sandbox holds workers with mechanisms of the Linux kernel, so it builds on Linux only"
);

mod apply;
mod capability;
pub mod channel;
mod domain;
mod explanation;
pub mod group;
mod namespace;
mod plan;
mod privilege;
mod receipt;
mod rlimit;
mod seccomp;
mod sys;
pub mod usage;
mod verify;

pub use apply::{Applied, SandboxFault, SandboxStep, apply};
pub use capability::{CgroupMount, Fact, HostCapabilities, MissingFacility};
pub use domain::{DomainPlan, DomainStep, FileAccess, FileRule, MIN_LANDLOCK_ABI, RuleOrigin, Walls};
pub use explanation::{ExplainedGrant, Explanation, Wall, explain};
pub use plan::{InsufficientMachine, MIN_OPEN_FILES, SandboxPlan, SandboxProfile, Unenforced};
pub use privilege::{Held, PrivilegeStep};
pub use receipt::{Observer, Receipt, ReceiptError};
pub use rlimit::{Rlimit, RlimitKind};
pub use seccomp::{
    LAST_KNOWN_SYSCALL, SocketRule, SyscallAnswers, SyscallFilter, SyscallPolicy, syscall_name,
};
pub use verify::{Mismatch, report, verify};
