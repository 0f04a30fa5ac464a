//! Workspaces: a directory per execution, leased, measured, collected from and removed on every way out.
//! Nothing here knows a process or a handler; the backends call it, and call [`WorkspaceLease::collect`] and
//! [`WorkspaceLease::release`] when every process of the execution is dead.
//!
//! # What is on disk
//!
//! ```text
//! <root>/                     0700, owned by the host's user, shared by any number of hosts
//!   host-<unique>.lock        held locked (flock) for as long as the host lives
//!   host-<unique>/            made after its lock file, removed before it
//!     leases/<execution id>/  work, artifacts, tmp
//!     kept/<execution id>     an empty file: that lease is to stay
//!     trash/                  leases that ended and are being removed
//! ```
//!
//! # Why there is no other journal
//!
//! A directory is claimed before it exists: the lock file is made and locked first, and every lease lies below the
//! directory it covers. At whatever point a host dies, the kernel frees the lock, and the next host that opens the root
//! removes what a free lock covers. A journal file would repeat what the directory says, and could disagree with it.
//!
//! # What this does not do
//!
//! It does not confine: a plugin that may write elsewhere does so (confinement is the sandbox plan's part). It does not enforce the
//! storage limit while a plugin writes: it counts (`usage`), and refuses seed files and artifacts over the limit.
//!
//! [`WorkspaceLease::collect`]: plugdock_contracts::workspace::WorkspaceLease::collect
//! [`WorkspaceLease::release`]: plugdock_contracts::workspace::WorkspaceLease::release

mod artifact;
mod artifact_collector;
mod directory;
mod failure;
mod host_directory;
mod lease;
mod lease_directory;
mod local_manager;
mod placement;
mod reaper;
mod removal;
mod root;
mod seed;
mod sweep;
mod tree_remover;
mod usage;

pub use artifact::ArtifactLimits;
pub use artifact_collector::collect_artifacts;
pub use local_manager::LocalWorkspaceManager;
pub use removal::{Removal, RemoveError};
pub use sweep::SweepReport;
pub use tree_remover::{DEFAULT_MAX_OPERATIONS, TreeRemover};
