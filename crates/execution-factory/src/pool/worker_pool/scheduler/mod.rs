//! The scheduler: which request runs on which worker, which workers there are, and when one goes. A pure state machine:
//! it is told what happened and the time, and answers with actions; it knows no process, no task and no clock.
//!
//! Everything that decides is here, behind one lock, so that there is one truth: a worker that becomes free is handed to
//! the next waiter in the same step, and nobody can come between. `simulator` drives it through random lives.

mod action;
mod call_table;
mod event;
mod input;
mod lane;
mod leaving;
mod member;
mod placing;
mod recycling;
mod roster;
mod scheduler_core;
#[cfg(test)]
mod simulator;
mod tally;
#[cfg(test)]
mod tests;
mod upkeep;
mod view;

pub(crate) use action::{Action, Note, WhyNot};
pub(crate) use input::{AfterCall, Again, CallOver, Ready, Refused, Submission};
pub(crate) use member::WorkerKey;
pub(crate) use scheduler_core::{Scheduler, SchedulerConfig};
