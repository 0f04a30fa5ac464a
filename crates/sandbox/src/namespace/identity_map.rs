//! Which user and group outside stand behind user and group 0 of a worker's namespace.
//! It is data and text; who writes the maps is `create`.

use serde::{Deserialize, Serialize};

/// The first user and group that a privileged host gives to workers. Below are a machine's own accounts, and
/// the ranges that administrators give to users start at or above it, so that slots are best kept few.
pub(crate) const FIRST_OWN_ID: u32 = 100_000;

/// Who a worker is outside its namespace. Inside it is user and group 0, which means nothing once capabilities are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum IdentityMap {
    /// A user and group that nobody else has. Only a privileged host can do that.
    Own {
        /// The number of both outside.
        id: u32,
    },
    /// The host's own user and group: all that a host without privileges may map.
    Caller,
}

impl IdentityMap {
    /// The map for a host that runs as `uid`; `slot` tells apart the workers that live at the same time.
    pub(crate) const fn for_host(uid: u32, slot: u32) -> Self {
        if uid == 0 { Self::Own { id: FIRST_OWN_ID.saturating_add(slot) } } else { Self::Caller }
    }

    /// The line of a user map, given the user the spawner runs as.
    pub(super) fn line(self, caller: u32) -> String {
        let outside = match self {
            Self::Own { id } => id,
            Self::Caller => caller,
        };
        format!("0 {outside} 1")
    }

    /// The word of a plan's identity. Which number a worker has is not part of it: equal workers differ in that.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Own { .. } => "own",
            Self::Caller => "caller",
        }
    }
}
