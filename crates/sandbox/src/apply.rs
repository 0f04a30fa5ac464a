//! Puts a plan in force in the calling process, which is about to become a worker.
//! It is called in a single-threaded child of the spawner and nowhere else: what it does cannot be undone.

use std::fmt;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use serde::{Deserialize, Serialize};

use crate::domain::{self, DomainStep, Walls};
use crate::group::{GroupFault, GroupStep};
use crate::plan::SandboxPlan;
use crate::privilege::{self, PrivilegeStep};
use crate::rlimit::RlimitKind;
use crate::seccomp::{SyscallAnswers, SyscallFilter};
use crate::sys;

/// The step that failed: of [`apply`], or of the control group before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SandboxStep {
    /// Making, joining or reading the control group, before [`apply`] is called.
    Group(GroupStep),
    /// Setting the out-of-memory score.
    OomScore,
    /// Asking to be killed with the spawner.
    DeathSignal,
    /// Giving up new privileges.
    NoNewPrivileges,
    /// Setting the file mode creation mask.
    Umask,
    /// Closing inherited descriptors on exec.
    Descriptors,
    /// Setting one resource limit.
    Rlimit(RlimitKind),
    /// Giving up privileges.
    Privileges(PrivilegeStep),
    /// Entering the Landlock domain.
    Domain(DomainStep),
    /// Installing the filter of system calls.
    Syscalls,
}

impl fmt::Display for SandboxStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(step) => step.fmt(f),
            Self::OomScore => f.write_str("set the out-of-memory score"),
            Self::DeathSignal => f.write_str("arm the parent-death signal"),
            Self::NoNewPrivileges => f.write_str("set no-new-privileges"),
            Self::Umask => f.write_str("set the file mode mask"),
            Self::Descriptors => f.write_str("close inherited descriptors"),
            Self::Rlimit(kind) => write!(f, "set {kind}"),
            Self::Privileges(step) => step.fmt(f),
            Self::Domain(step) => step.fmt(f),
            Self::Syscalls => f.write_str("filter system calls"),
        }
    }
}

/// A step of the set-up failed; the process must not run the worker's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("could not {step} (errno {errno})")]
#[non_exhaustive]
pub struct SandboxFault {
    /// What was being done.
    pub step: SandboxStep,
    /// The kernel's answer.
    pub errno: i32,
}

impl From<GroupFault> for SandboxFault {
    fn from(fault: GroupFault) -> Self {
        Self { step: SandboxStep::Group(fault.step), errno: fault.errno }
    }
}

/// What was found out while a plan was put in force, and cannot be found out later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The walls of the domain, tried before system calls were filtered.
    pub(crate) walls: Option<Walls>,
    /// How filtered system calls answered.
    pub(crate) answers: Option<SyscallAnswers>,
}

/// Puts `plan` in force in this process, for good. The control group is not its part: it is made by the parent, and
/// joined by this process before, with [`crate::group::GroupReceipt::join`].
///
/// Descriptors above the last kept one are marked close-on-exec rather than closed, so that the caller can
/// still report over one of them; they are gone when the worker's program starts. The parent-death signal
/// belongs to the *thread* that forked, so the parent has to be single-threaded.
///
/// # Errors
/// The first step the kernel refused. Nothing is best effort: a process for which this fails must end.
pub fn apply(plan: &SandboxPlan) -> Result<Applied, SandboxFault> {
    if let Some(adj) = plan.oom_score_adj {
        sys::set_oom_score_adj(adj).map_err(at(SandboxStep::OomScore))?;
    }
    if plan.die_with_spawner {
        prctl::set_pdeathsig(Signal::SIGKILL).map_err(at(SandboxStep::DeathSignal))?;
    }
    if plan.no_new_privs {
        prctl::set_no_new_privs().map_err(at(SandboxStep::NoNewPrivileges))?;
    }
    // The call returns the former mask and cannot fail.
    umask(Mode::from_bits_truncate(plan.umask));
    let first_closed = u32::try_from(plan.last_descriptor + 1)
        .map_err(|_negative| SandboxFault { step: SandboxStep::Descriptors, errno: libc::EINVAL })?;
    sys::close_on_exec_from(first_closed).map_err(at(SandboxStep::Descriptors))?;
    // Late, so that a tight limit cannot make an earlier step fail.
    for limit in &plan.rlimits {
        limit.set().map_err(at(SandboxStep::Rlimit(limit.kind)))?;
    }
    confine(plan)
}

/// Gives up privileges, then closes files, ports and processes, then system calls: each of these needs what the next
/// takes away.
fn confine(plan: &SandboxPlan) -> Result<Applied, SandboxFault> {
    if plan.drop_privileges {
        // Only root has what emptying the bounding set takes.
        let dropped = privilege::drop_all(nix::unistd::geteuid().is_root());
        dropped.map_err(|(step, errno)| fault(SandboxStep::Privileges(step), errno))?;
    }
    let walls = match &plan.domain {
        Some(domain) => {
            domain::restrict(domain).map_err(|(step, errno)| fault(SandboxStep::Domain(step), errno))?;
            Some(Walls::observe())
        }
        None => None,
    };
    let answers = match &plan.syscalls {
        Some(policy) => {
            SyscallFilter::compile(policy).install().map_err(at(SandboxStep::Syscalls))?;
            Some(SyscallAnswers::observe())
        }
        None => None,
    };
    Ok(Applied { walls, answers })
}

fn fault(step: SandboxStep, errno: Errno) -> SandboxFault {
    SandboxFault { step, errno: errno as i32 }
}

fn at(step: SandboxStep) -> impl FnOnce(Errno) -> SandboxFault {
    move |errno| fault(step, errno)
}
