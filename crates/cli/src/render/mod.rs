//! Texts for people, made of data: no file here writes anything or starts anything.

mod description;
mod error;
mod explain;
mod explanation;
mod frame;
mod json;
mod line;
mod paint;
mod permission;
mod quantity;
mod record;
mod repetition;
mod shutdown;
mod stats;
mod table;
#[cfg(test)]
mod tests;
mod top;
mod workers;

pub(crate) use description::description;
pub(crate) use error::error;
pub(crate) use explain::{explain, mechanisms};
pub(crate) use explanation::explanation;
pub(crate) use frame::Frame;
pub(crate) use json::indented;
pub(crate) use line::{PlainProgress, log_line};
pub(crate) use paint::{Paint, printable};
pub(crate) use permission::permissions;
pub(crate) use quantity::{bytes, rate, span};
pub(crate) use record::record;
pub(crate) use repetition::repetition;
pub(crate) use shutdown::shutdown;
pub(crate) use stats::stats;
pub(crate) use top::top;
pub(crate) use workers::workers;
