//! The behaviours of backends whose workers stay: one topic each. They are in the second list.
//! What such a backend shares with every other is not here.

pub(crate) mod checking;
pub(crate) mod crashing;
pub(crate) mod depth;
pub(crate) mod keeping;
pub(crate) mod pool_report;
pub(crate) mod recycling;
pub(crate) mod reloading;
pub(crate) mod sharing;
pub(crate) mod sizing;
