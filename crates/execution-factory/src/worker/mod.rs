//! A worker process as a host uses it: started and introduced, called, listened to, ended.
//! It knows neither queue nor pool: whoever holds a worker decides what it is for.

mod attach;
#[cfg(test)]
pub(crate) mod bench;
mod call;
mod describe;
mod failure;
mod gauge;
mod host_call;
mod output;
mod spec;
mod verdict;

pub(crate) use attach::{AttachError, AttachSpec, Attached, EXIT_WITHIN, attach};
pub(crate) use call::{CallEnd, Drove, LAST_FRAMES, drive};
pub(crate) use describe::ask;
pub(crate) use failure::{crash_cause, kill_reason, spawn};
pub(crate) use gauge::{cpu_of, resident_of};
pub(crate) use output::{Origin, OutputDesk, OutputPump};
pub(crate) use spec::{Places, WorkerDefaults, insufficient};
pub(crate) use verdict::{Death, output_limits, payload_limit, takes_input};
