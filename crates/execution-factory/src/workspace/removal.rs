//! How the removal of a tree ended: what went, or what stays and why.
//! Plain data of the tree remover.

use std::io;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removal {
    /// Entries that were no directories.
    pub files: u64,
    /// Directories, the top one included.
    pub directories: u64,
}

/// Why something of a tree is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// The directory that holds the tree cannot be opened, or the path has no last component.
    #[error("the parent directory of the tree cannot be opened")]
    Parent(#[source] io::Error),
    /// One entry cannot be removed: a mount point, an immutable file, a read-only or failing file system.
    #[error("`{entry}` cannot be removed")]
    Entry {
        /// The name, escaped.
        entry: String,
        /// The first refusal.
        #[source]
        source: io::Error,
    },
    /// The tree holds more than the remover was allowed to handle; asking again continues.
    #[error("the tree is not gone after {operations} operations")]
    Exhausted {
        /// The number allowed.
        operations: u64,
    },
    /// Somebody put something new in the place of the tree each time it was removed.
    #[error("the tree was put back {rounds} times while it was removed")]
    Contended {
        /// How often removal was tried.
        rounds: u32,
    },
}
