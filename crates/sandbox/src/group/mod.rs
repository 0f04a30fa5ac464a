//! Control groups: memory, processor share and processes of a whole worker, how it is killed as one, and what it used.
//! It knows no manifest, no spawner and no profile, and it moves no process but the calling one.
//!
//! **Two versions at once.** Each limit is held on whichever version has its controller; a controller is bound to one of
//! them. Killing and processor accounting use the unified hierarchy, which offers both without any controller.
//!
//! **Where groups are made.** Directly below the group that the calling process is in, so that whatever is set on that group
//! goes on holding the worker too. The unified hierarchy refuses that for limits, because a group that holds processes may
//! not hand controllers down; there the group is made *beside* the host's own, in a parent that was delegated (systemd:
//! `Delegate=yes` with `DelegateSubgroup=`). A parent that nobody delegated is left alone even where root could write it:
//! a worker there would be outside the limits of the host's service. What is not to be had comes with the reason.
//!
//! **Names.** `plugdock-<boot>-<pid namespace>-<pid>-<start>-<number>`: the first four say who made it, so that
//! [`sweep()`] can tell a leftover from a group in use; the number is never used twice. A group that was killed is not
//! joined again: the kernel kills newborns in it.
//!
//! **What it does not do.** A sweep looks where new groups would be made; a leftover of a host that ran in another group
//! (a login session that is over) is not found. The first version kills one process of a group that is out of memory, not
//! all of them: the owner ends the rest when it sees the count.

mod control_file;
mod fault;
mod group_plan;
mod group_receipt;
mod host;
mod kill;
mod layout;
mod limit;
mod member;
mod mount;
mod name;
mod observation;
mod owned;
mod place;
mod planned;
mod removal;
mod sweep;
mod usage;

#[cfg(test)]
mod tests;

pub use fault::{GroupFault, GroupStep};
pub use group_plan::{GroupPlan, HeldLimit, NotHeld};
pub use group_receipt::GroupReceipt;
pub use host::{AbsentController, GroupHost, GroupVersion, Hierarchy};
pub use limit::LimitKind;
pub use observation::{GroupCheck, GroupObservation};
pub use owned::Group;
pub use place::{GroupDirectory, GroupPlace};
pub use planned::PlannedGroup;
pub use sweep::sweep;
pub use usage::{GroupCause, GroupUsage};
