//! The commands, one in each file: what is typed, and what it does.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod describe;
pub(crate) mod doctor;
pub(crate) mod host;
pub(crate) mod run;
pub(crate) mod validate;
