//! A row of the list: what is tried from inside with its expectations, or which tests prove what is not tried from inside.
//! The rows themselves stand in the lists.

use super::column::{Host, Profile};
use super::expected::{Cell, Expected};

/// One variant of a row, and what must come of it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Trial {
    /// What is tried, as the hostile program names it.
    pub what: &'static str,
    /// By profile, the weakest first.
    pub cells: [Cell; 3],
}

impl Trial {
    /// What must come of it.
    pub const fn expected(&self, profile: Profile, host: Host) -> Expected {
        let [trusted, restricted, untrusted] = self.cells;
        let cell = match profile {
            Profile::Trusted => trusted,
            Profile::Restricted => restricted,
            Profile::Untrusted => untrusted,
        };
        match host {
            Host::Root => cell.as_root,
            Host::User => cell.as_user,
        }
    }
}

/// How a row is proved.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Proof {
    /// The hostile program tries it.
    Tried(&'static [Trial]),
    /// Tests elsewhere prove it, as `package: name of the test`.
    Elsewhere(&'static [&'static str]),
    /// Tests elsewhere prove a part of it, and those named second are still to be written.
    Partly(&'static [&'static str], &'static [&'static str]),
    /// Nothing proves it yet; this is where the test belongs and what it will be called.
    Planned(&'static [&'static str]),
}

impl Proof {
    /// The tests elsewhere that prove the row or a part of it.
    pub const fn elsewhere(&self) -> &'static [&'static str] {
        match self {
            Self::Elsewhere(tests) | Self::Partly(tests, _) => tests,
            Self::Tried(_) | Self::Planned(_) => &[],
        }
    }
}

/// A row of the list.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Row {
    /// Its stable id, as `E01`.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// How it is proved.
    pub proof: Proof,
}

/// A variant with its three columns.
pub(super) const fn trial(what: &'static str, trusted: Cell, restricted: Cell, untrusted: Cell) -> Trial {
    Trial { what, cells: [trusted, restricted, untrusted] }
}

/// A row that the hostile program tries.
pub(super) const fn tried(id: &'static str, title: &'static str, trials: &'static [Trial]) -> Row {
    Row { id, title, proof: Proof::Tried(trials) }
}
