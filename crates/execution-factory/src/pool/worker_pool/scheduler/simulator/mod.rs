//! Random lives of a pool, in virtual time and without a process: the scheduler is told what could happen to it, and after
//! each step everything that must hold of it is checked. Only tests know of it.
//!
//! A life is a function of its seed: `setup` draws what the pool is made with, `plan` what happens to it, `world` plays
//! both against a scheduler and stands for everything around it (processes, callers, the clock). An event names what it
//! happens to by a number that is taken modulo what there is, so a life with events left out is a life too. That is what
//! `shrink` makes use of: the trace of a seed that fails is the shortest it can find.
//!
//! `invariant` lists what is checked: what a pool promises, and that each count and list is what a recount says. At the
//! end of a life everything comes to rest, by itself or by a stop, and nothing may be left over.
//!
//! How many lives are tried in all is 11 000, or the variable `PLUGDOCK_SIM_SEEDS`. One alone is tried, and its trace
//! printed if it fails, by
//!
//! ```text
//! PLUGDOCK_SIM_SEED=4711 cargo test -p plugdock-execution-factory simulator::seeds
//! ```

mod dice;
mod event;
mod fairness;
mod invariant;
mod outside;
mod plan;
mod recount;
mod rest;
mod seeds;
mod setup;
mod shrink;
mod shrinking;
mod world;
