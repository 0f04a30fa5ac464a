//! What the machine can enforce, read once and kept as plain data for planning and for `doctor`.
//! It never fails and never changes anything: what cannot be read is reported as unknown, with the reason.

mod cgroup;
mod fact;
mod host;
mod missing;

pub use cgroup::CgroupMount;
pub use fact::Fact;
pub use host::HostCapabilities;
pub use missing::MissingFacility;
