//! Tests of the scheduler's rules, each as a short story. Whether they hold in every other story is asked in `simulator`.

mod depth;
mod failing;
mod handing;
mod health;
mod limit;
mod nested;
mod owner;
mod recycling;
mod resting;
mod sharing;
mod stage;
