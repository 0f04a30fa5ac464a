//! Tests of showing and of stopping, without a process.

mod presenter;
mod repeat;
mod supervise;
