//! The host's end of a connection: opens calls, reads what they say, answers their host calls.
//! It decides no policy: deadlines, kills and permissions are the caller's.

mod call;
mod control;
mod end;
mod event;
mod inbox;
mod probe;
mod route;
mod state;

pub use call::HostCallHandle;
pub use control::CallControl;
pub use end::{CallStart, HostEnd};
pub use event::{CallEvent, HostRequest};
