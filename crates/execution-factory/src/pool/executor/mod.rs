//! Working with one worker of the pool: starting it, running calls on it, checking it, sending it away.

mod keeper;
mod live_worker;
mod meter;
#[cfg(test)]
pub(crate) mod mock;
mod seam;
mod starter;
#[cfg(test)]
mod tests;

pub(crate) use seam::{
    Begun, Called, CheckAnswer, HandlerTraits, PoolWorker, Sample, StartError, StartOrder, StartWorker,
    WorkerAfter, WorkerEnd,
};
pub(crate) use starter::Starter;
