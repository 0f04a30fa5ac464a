//! Own namespaces and a minimal root for a worker: what there is to see, and an init that ends everything with it.
//! It knows neither Landlock nor system call filters nor how a worker's program is run: the caller adds those.
//!
//! The order of use, in the single-threaded spawner:
//!
//! 1. [`NamespacePlan::compute`] on the host; the plan crosses to the spawner.
//! 2. [`create()`] clones a child into all seven namespaces and writes its identity maps.
//!    The parent then waits in [`Created::confirm`]; the child goes on with its [`ChildLink`].
//! 3. The child calls [`enter()`]: own identity, tied to the parent's life, minimal root. What comes back holds the
//!    workspaces' descriptors for the host. Any error ends the child; nothing half built goes on.
//! 4. *Here* the child gives up its capabilities, and the worker forked next inherits that.
//! 5. [`supervise`] makes the child the init of its process namespace: it forks the worker, reaps, and ends all.
//! 6. The worker reads [`NamespaceView::observe`] before its Landlock domain, which would hide the root's listing.
#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the spawner's child takes it up with the untrusted profile")
)]
#![expect(unused_imports, reason = "the spawner's child takes it up with the untrusted profile")]

mod create;
mod enter;
mod identity_map;
mod init;
mod kind;
mod link;
mod mount_plan;
mod mount_table;
mod namespace_plan;
mod root;
mod step;
mod sys;
mod view;
mod worker_end;

#[cfg(test)]
mod tests;

pub(crate) use create::{Cloned, Created, create};
pub(crate) use enter::{Entered, enter};
pub(crate) use identity_map::{FIRST_OWN_ID, IdentityMap};
pub(crate) use init::{InitOptions, supervise};
pub(crate) use kind::NamespaceKind;
pub(crate) use link::ChildLink;
pub(crate) use mount_plan::{MountContent, MountGrant, PlannedMount, WorkspaceMount, WorkspaceStore};
pub(crate) use mount_table::MountView;
pub(crate) use namespace_plan::{NamespacePlan, NamespacePlanError};
pub(crate) use step::{NamespaceFault, NamespaceStep};
pub(crate) use view::{NamespaceDifference, NamespaceView, UserNamespaces, Witness};
pub(crate) use worker_end::{EndStatus, EndUsage, WorkerEnd};
