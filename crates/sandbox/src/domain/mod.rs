//! The Landlock domain of a worker: which files it may use, and that it reaches no TCP port, abstract socket or process
//! outside. It decides nothing about system calls: what Landlock does not mediate is `seccomp`'s part.

mod domain_plan;
mod restrict;
mod rule;
mod walls;

#[cfg(test)]
mod tests;

pub use domain_plan::{DomainPlan, MIN_LANDLOCK_ABI};
pub use restrict::DomainStep;
pub(crate) use restrict::restrict;
pub use rule::{FileAccess, FileRule, RuleOrigin};
pub use walls::Walls;
