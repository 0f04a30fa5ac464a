//! What becomes of a worker: its phases, when it is worn, when a plugin may be started again, how many stay, and when
//! one is asked how it is. Pure policy: it is told the time, starts nothing, and does not know what a process is.

mod breaker;
mod health;
mod mixer;
mod phase;
mod sizing;
mod wear;

pub(crate) use breaker::{Breaker, BreakerConfig, Gate, Verdict};
pub(crate) use health::{Answer, Check, CheckKind, Checkup, Judgement};
pub(crate) use phase::{Phase, Step};
pub(crate) use sizing::{Bounds, Recycle};
pub(crate) use wear::{Wear, WearLimits};
