//! What failed while a control group was made, used or removed.
//! It is data that crosses from the spawner to the host; it decides nothing.

use std::fmt;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::limit::LimitKind;

/// A step in the life of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupStep {
    /// Finding the hierarchy that the plan names.
    Find,
    /// Reading who this process is, for the name.
    Name,
    /// Making the directory.
    Create,
    /// Handing a controller down.
    Enable,
    /// Setting a limit.
    Limit(LimitKind),
    /// Comparing a limit with what the kernel holds.
    ReadBack(LimitKind),
    /// Moving the calling process into the group.
    Join,
    /// Reading counters.
    Usage,
    /// Reading who is in the group.
    Members,
    /// Killing everything in the group.
    Kill,
    /// Removing the directory.
    Remove,
    /// Reading the own membership.
    Observe,
}

impl fmt::Display for GroupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Find => "find the control group hierarchy of the plan",
            Self::Name => "name the control group",
            Self::Create => "create the control group",
            Self::Enable => "hand controllers down to the control group",
            Self::Limit(kind) => return write!(f, "set the {kind} limit of the control group"),
            Self::ReadBack(kind) => return write!(f, "find the {kind} limit of the control group in force"),
            Self::Join => "join the control group",
            Self::Usage => "read the counters of the control group",
            Self::Members => "read the members of the control group",
            Self::Kill => "kill the control group",
            Self::Remove => "remove the control group",
            Self::Observe => "read the own control groups",
        };
        f.write_str(text)
    }
}

/// A step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("could not {step} (errno {errno})")]
#[non_exhaustive]
pub struct GroupFault {
    /// What was being done.
    pub step: GroupStep,
    /// The kernel's answer.
    pub errno: i32,
}

/// Names the step of a kernel's answer.
pub(super) fn at(step: GroupStep) -> impl Fn(Errno) -> GroupFault {
    move |errno| GroupFault { step, errno: errno as i32 }
}
