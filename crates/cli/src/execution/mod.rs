//! One execution as the command sees it: followed to its outcome, and shown.

mod presenter;
mod supervise;
#[cfg(test)]
mod tests;

pub(crate) use presenter::{Form, Presenter};
pub(crate) use supervise::supervise;
