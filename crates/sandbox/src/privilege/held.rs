//! The capabilities a process has, as `/proc/self/status` tells them.

use serde::{Deserialize, Serialize};

/// The five sets, as masks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Kept by a program that is run and knows capabilities.
    pub inheritable: u64,
    /// What may be switched on.
    pub permitted: u64,
    /// What is switched on.
    pub effective: u64,
    /// What a program that is run may get at most.
    pub bounding: u64,
    /// Kept by every program that is run.
    pub ambient: u64,
}

impl Held {
    /// Each set with its name. The bounding set counts only where it could be emptied: without privileges it cannot, and
    /// nothing can be taken out of it either once no new privileges are given.
    pub(crate) fn sets(self, with_bounding: bool) -> impl Iterator<Item = (&'static str, u64)> {
        let bounding = with_bounding.then_some(("capabilities-bounding", self.bounding));
        [
            ("capabilities-inheritable", self.inheritable),
            ("capabilities-permitted", self.permitted),
            ("capabilities-effective", self.effective),
            ("capabilities-ambient", self.ambient),
        ]
        .into_iter()
        .chain(bounding)
    }
}
