//! Tests across modules: golden bytes, every frame through reader and writer, hostile peers, whole links.
//! They are inside the crate, so that the feature `testing` needs no dependency of the crate on itself.

mod bulk;
mod golden;
mod greeting;
mod hostile;
mod liveness;
mod oversized;
mod peer;
mod reading;
mod round_trip;
mod running;
mod sample;
mod shutdown;
mod starting;
