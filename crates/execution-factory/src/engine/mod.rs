//! What every backend has in common: admission, waiting, workspace, clocks, statistics and shutdown.
//! It does not know where a handler runs; a [`Carrier`] does that.

mod announcer;
mod carrier;
mod conclude;
mod config;
mod engine_core;
mod invoke;
mod recorder;
mod shutdown;
mod slot;
mod supervise;
#[cfg(test)]
mod tests;

pub(crate) use announcer::Announcer;
pub(crate) use carrier::{Carried, Carrier, Claim, Job, NoSeat, StopClock, StopDecision};
pub(crate) use config::EngineConfig;
pub(crate) use engine_core::{Engine, EngineParts};
pub(crate) use recorder::{MAX_PLUGINS, Measure, OTHER_PLUGINS};
pub(crate) use slot::{Slots, cancelled_waiting};
