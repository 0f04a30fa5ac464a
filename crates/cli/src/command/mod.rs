//! The commands, one in each file: what is typed, and what it does.

pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod drain;
pub(crate) mod explain;
pub(crate) mod host;
pub(crate) mod invocation;
pub(crate) mod logs;
pub(crate) mod ps;
pub(crate) mod reload;
pub(crate) mod resize;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod socket;
pub(crate) mod stats;
pub(crate) mod top;
pub(crate) mod validate;
