//! Worker processes, with real children: started through the `plugdock-spawner` program of this package.
//! No test waits for time to pass: each waits for what a child says or for an end, within a ceiling.

mod bench;
mod confined;
mod ending;
mod failing;
mod fault_point;
mod group;
mod host_death;
mod output;
mod starting;
