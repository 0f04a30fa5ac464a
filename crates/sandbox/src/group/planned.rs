//! A plan for a group together with the hierarchies it was made for, as it crosses to the process that makes the group.
//! It is data until [`PlannedGroup::create`] is called.

use plugdock_contracts::limits::Limits;
use serde::{Deserialize, Serialize};

use super::fault::GroupFault;
use super::group_plan::{GroupPlan, NotHeld};
use super::host::GroupHost;
use super::owned::Group;

/// What a worker's group holds, and where it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlannedGroup {
    /// What it holds.
    pub plan: GroupPlan,
    /// Where.
    pub host: GroupHost,
}

impl PlannedGroup {
    /// Plans a group if there is a limit that it can hold: without one it would cost and hold nothing. What was asked for
    /// and cannot be held comes beside it.
    pub(crate) fn compute(limits: &Limits, host: &GroupHost) -> (Option<Self>, Vec<NotHeld>) {
        // No profile gives a worker a file system in memory.
        const MEMORY_FILES: u64 = 0;
        let (plan, missed) = GroupPlan::compute(limits, MEMORY_FILES, host);
        let holds_something = plan.limits().next().is_some();
        (holds_something.then(|| Self { plan, host: host.clone() }), missed)
    }

    /// Makes the group; nobody is in it.
    ///
    /// # Errors
    /// As [`Group::create`].
    pub fn create(&self) -> Result<Group, GroupFault> {
        Group::create(&self.plan, &self.host)
    }
}
