//! What a worker proves about its group: where it was sent, and what it found there.
//! It judges nothing: [`GroupObservation::checks`] compares it with the plan.

use serde::{Deserialize, Serialize};

use super::fault::GroupFault;
use super::observation::GroupObservation;
use super::owned::Group;
use super::place::GroupPlace;
use super::planned::PlannedGroup;

/// The group's part of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GroupReceipt {
    /// The group that was made for it.
    pub place: GroupPlace,
    /// The groups and limits that it read of itself.
    pub observation: GroupObservation,
}

impl GroupReceipt {
    /// Moves the calling process into its group and reads back what is in force there. A single-threaded child does this
    /// before anything closes `/proc` or the hierarchies.
    ///
    /// # Errors
    /// When it cannot join, or not read where it is then.
    pub fn join(group: &Group, planned: &PlannedGroup) -> Result<Self, GroupFault> {
        group.join()?;
        let observation = GroupObservation::observe(&planned.host)?;
        Ok(Self { place: group.place().clone(), observation })
    }
}
