//! `cargo xtask ci`: every gate a change has to pass, in order.
//! Re-exports only; the gates are in `gate`, running them is in `run`.

mod gate;
mod run;

pub(crate) use run::run;
