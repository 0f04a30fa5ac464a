//! Executions as the command sees them: one followed to its outcome and shown, or many counted.

mod presenter;
mod repeat;
mod repeat_view;
mod samples;
mod supervise;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use presenter::{Form, Presenter};
pub(crate) use repeat::{Plan, repeat};
pub(crate) use repeat_view::RepeatView;
pub(crate) use supervise::supervise;
pub(crate) use tally::Tally;
