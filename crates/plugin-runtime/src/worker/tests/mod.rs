//! The worker's side against a host in the same process, over a pipe in memory.
//! No process is started here.

mod pair;
mod serving;
mod starting;
