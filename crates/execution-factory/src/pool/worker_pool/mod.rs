//! The pool itself: the scheduler that decides, the desk where requests meet workers, the tasks that tend workers, and
//! the backend that a host sees. Only this module names the queue, the lifecycle, the executor and the statistics alike.

mod backend;
mod carrier;
mod clock;
mod desk;
mod identity;
mod lane_book;
mod lock;
mod owner;
mod pool_core;
mod refusal;
mod scheduler;
mod seat;
#[cfg(test)]
mod tests;
mod timekeeper;
mod warden;

pub use backend::WorkerPoolBackend;
