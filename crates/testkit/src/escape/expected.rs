//! What must come of an attempt, exactly. Where nothing exact can be said, the reason is said.
//! Comparing is `verdict`'s.

/// What must come of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// This and nothing else.
    Exactly(&'static str),
    /// One of these, by what the machine's kernel was built with. For unconfined processes only.
    OneOf(&'static [&'static str]),
    /// This where the host sees the path, and `ENOENT` where there is none.
    IfThere(&'static str, &'static str),
    /// Anything, for the reason. For unconfined processes only.
    Unchecked(&'static str),
}

/// What must come of an attempt under one profile, by whose process the host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cell {
    /// For a host that is root.
    pub as_root: Expected,
    /// For a host of any other user.
    pub as_user: Expected,
}

impl Cell {
    pub(super) const fn split(as_root: Expected, as_user: Expected) -> Self {
        Self { as_root, as_user }
    }
}

/// The same for every host.
pub(super) const fn is(result: &'static str) -> Cell {
    Cell::split(Expected::Exactly(result), Expected::Exactly(result))
}

/// First for root's host, then for another user's.
pub(super) const fn by(root: &'static str, user: &'static str) -> Cell {
    Cell::split(Expected::Exactly(root), Expected::Exactly(user))
}

/// One of these, by the machine.
pub(super) const fn either(results: &'static [&'static str]) -> Cell {
    Cell::split(Expected::OneOf(results), Expected::OneOf(results))
}

/// This where the path is there.
pub(super) const fn if_there(path: &'static str, result: &'static str) -> Cell {
    Cell::split(Expected::IfThere(path, result), Expected::IfThere(path, result))
}

/// Not checked, for that reason.
pub(super) const fn unchecked(reason: &'static str) -> Cell {
    Cell::split(Expected::Unchecked(reason), Expected::Unchecked(reason))
}
