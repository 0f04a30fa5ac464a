//! The columns of the table: under which profile, and for a host of which user, an attempt was made.
//! Choosing a profile is the backend's configuration; here it is a name.

use std::fmt;

/// A profile, as the table's columns know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Unconfined: the proof that an attempt can succeed.
    Trusted,
    /// The host's view of the machine behind Landlock and a filter of system calls.
    Restricted,
    /// Own namespaces as well.
    Untrusted,
}

impl Profile {
    /// Every profile, the weakest first.
    pub const ALL: [Self; 3] = [Self::Trusted, Self::Restricted, Self::Untrusted];

    /// Its name in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Restricted => "restricted",
            Self::Untrusted => "untrusted",
        }
    }

    /// The profile of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whose process the host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Host {
    /// Root with its capabilities.
    Root,
    /// Any other user, with none.
    User,
}
