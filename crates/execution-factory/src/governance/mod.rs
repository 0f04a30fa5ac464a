//! The host's side of what a handler asks for: each call is checked against the execution's grants, then done.
//! Identity is the execution that the gate was made for; nothing in a call can change it.

mod brokered;
mod check;
mod dispatch;
mod gate;
#[cfg(test)]
mod tests;

pub(crate) use gate::{Gate, GateParts, Invoke, Invoker};
