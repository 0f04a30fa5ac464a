//! What a worker prints: read as long as it lives, given to the execution that it is of, the last of it kept for reports.
//! Which bytes become lines is decided in `process`; whose they are, here.

mod desk;
mod pump;
mod route;
#[cfg(test)]
mod tests;

pub(crate) use desk::{Listener, OutputDesk};
pub(crate) use pump::OutputPump;
pub(crate) use route::Origin;
