//! The container: which services a host has, its one backend, and the order in which they start and stop.
//! It holds services and never makes one: what a host did not give is absent.

mod builder;
mod lifecycle;
mod lifecycle_step;
mod platform;
mod platform_error;
mod sequence;
mod service_set;

pub use builder::PlatformBuilder;
pub use lifecycle::{Lifecycle, LifecycleError};
pub use lifecycle_step::{LifecycleFailure, LifecycleStep};
pub use platform::Platform;
pub use platform_error::PlatformError;
pub use sequence::{PlatformReport, StartError};
