//! The control group of one worker: made before the fork, joined by the child, killed as one, removed when it is empty.
//! It waits for nothing; `server` tries again until the group is gone or the time for that is over.

use std::time::Duration;

use plugdock_sandbox::group::{Group, GroupHost, GroupReceipt, GroupUsage, PlannedGroup, sweep};
use plugdock_sandbox::{SandboxFault, SandboxPlan};

use super::super::failure::SpawnFailure;

/// Makes groups. What a spawner that was killed left behind is removed before the first one is made.
#[derive(Debug, Default)]
pub(super) struct GroupMaker {
    swept: bool,
}

impl GroupMaker {
    /// The group of a plan that has one.
    pub(super) fn make(&mut self, plan: &SandboxPlan) -> Result<Option<ControlGroup>, SpawnFailure> {
        let Some(planned) = &plan.group else { return Ok(None) };
        if !self.swept {
            self.swept = true;
            // What could not be removed now is tried again by the next spawner.
            sweep(&GroupHost::discover());
        }
        let group = planned.create().map_err(refused)?;
        Ok(Some(ControlGroup { group, used: None, is_gone: false }))
    }
}

fn refused(fault: impl Into<SandboxFault>) -> SpawnFailure {
    SpawnFailure::sandbox(&fault.into())
}

/// A worker's group. Dropped before it was removed, it is killed and removed as far as that goes without waiting.
#[derive(Debug)]
pub(super) struct ControlGroup {
    group: Group,
    /// What was used until it was killed.
    used: Option<GroupUsage>,
    is_gone: bool,
}

impl ControlGroup {
    /// Moves the calling process, a fresh child, into the group.
    pub(super) fn join(&self, planned: &PlannedGroup) -> Result<GroupReceipt, SpawnFailure> {
        GroupReceipt::join(&self.group, planned).map_err(refused)
    }

    /// Reads what was used so far, for the report. It comes before anything is killed, because killing may change the limit
    /// of processes; only the first reading counts.
    ///
    /// The first version kills one process of a group that is out of memory. When that is not the worker's leader, the
    /// worker lives on and answers for itself: nobody is told before its end.
    pub(super) fn note_usage(&mut self) {
        if self.used.is_none() {
            self.used = self.group.place().usage().ok();
        }
    }

    /// Kills everything in the group, also what left the worker's process group and session. Where the kernel has no single
    /// command for that, freezing the group takes up to a second.
    pub(super) fn kill(&mut self) {
        // Whatever is left keeps the group from being removed, which is seen.
        let _as_far_as_it_goes = self.group.kill();
    }

    /// Tries to remove the group, and says whether it is gone. A group with anybody in it stays.
    pub(super) fn try_remove(&mut self) -> bool {
        self.is_gone = self.is_gone || self.group.remove(Duration::ZERO).is_ok();
        self.is_gone
    }

    /// How many are still in it.
    pub(super) fn n_members(&self) -> u32 {
        if self.is_gone {
            return 0;
        }
        self.group.place().members().map_or(0, |members| u32::try_from(members.len()).unwrap_or(u32::MAX))
    }

    /// What was used until it was killed.
    pub(super) const fn used(&self) -> Option<GroupUsage> {
        self.used
    }
}
