//! The requests that wait for a worker, and whose turn it is. Pure policy: it is told the time, starts nothing, and does
//! not know what a worker or a request is, only how they are called.
//!
//! # Lanes, levels, places
//!
//! Each worker identity has a *lane*; a plugin may have several. In a lane the higher *level* goes first and in one
//! level the older ticket, so that of one lane and one priority nobody overtakes. Waiting raises a waiter a level for
//! each `age_after`, up to high: under a flood of urgent requests the others still come. Nested calls are above all, are
//! exempt from limits and caps and do not use up what others may have, because a call that runs waits for them.
//!
//! A plugin with as many calls running as it may is passed over as a whole. Of a tenant with a cap only the first waiters
//! stand in their lanes, as many as it has *places* free; the others are *set aside*, and each call's end or waiter's
//! leaving brings the first of them back, to where its ticket belongs. So a tenant never blocks another, no move needs a
//! search, and a free place is always offered to somebody if there is anybody: no wake-up is lost. One exception, for a
//! worker that would else lose its slot over it, is explained at `stand_in` in `dispatch`.
//!
//! # Turns and slots
//!
//! A *slot* is the right to have one worker process. A free one goes by level, then to the plugin with the fewest workers
//! for its weight, then to the one that has gone longest without being given one. When none is free, plugins take turns:
//! deficit round robin (M. Shreedhar and G. Varghese, "Efficient Fair Queueing using Deficit Round Robin", SIGCOMM 1995)
//! with run time in the place of packet bytes, so that long calls earn no more than short ones. It differs from what they
//! describe where workers differ from a line:
//!
//! - *The cost is known afterwards.* A packet has a length before it is sent; a call is charged when it has ended. What
//!   it used beyond its plugin's turn counts against the plugin's next ones, up to a bound: see `plugin`.
//! - *Changing over costs.* Sending another queue's packet is free; giving a slot to another plugin ends one process and
//!   starts another. So a turn that is over ends only when another plugin is *entitled*: when it has fewer workers for
//!   its weight, and had less run time for it. Two plugins of equal weight with five workers each keep them; ten and none
//!   become five and five, one at a time; three plugins on two slots take turns.
//! - *There are several servers*, and a plugin may hold many at once. A round in which each queue is visited once cannot
//!   give a heavy plugin several of them. So in the place of deficits that each visit fills up, each plugin has an account
//!   of what it used, divided by its weight, and who has least is next (as in start-time fair queueing: P. Goyal, H. Vin
//!   and H. Cheng, SIGCOMM 1996). That is the same measure, without the need to visit anybody.
//! - *Nothing is charged while nobody else wants a slot*, as an empty queue there has no deficit; and who comes back
//!   begins with what the one has used that had least.
//!
//! Every operation costs O(log n) in waiters and O(log m) in lanes, plugins and tenants, apart from `drain_lane`,
//! `expire` and `age`, which cost that for each waiter they touch; a waiter is aged twice at most.

mod calendar;
mod config;
mod dispatch;
mod fair_queue;
mod key;
mod lane;
mod ledger;
mod level;
mod plugin;
mod slot;
mod tenant;
#[cfg(test)]
mod tests;
mod waiter;

pub(crate) use config::{CapPolicy, QueueConfig};
pub(crate) use fair_queue::{FairQueue, Woken};
pub(crate) use key::{LaneKey, PluginKey, TenantKey, Ticket};
pub(crate) use level::Level;
pub(crate) use waiter::{Full, Part, Waiter};
