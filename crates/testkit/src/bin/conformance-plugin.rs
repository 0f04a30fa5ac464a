//! The suite's plugins as a program: `conformance-plugin` serves the one that is called, and with an
//! argument one of the others.
//! It is what a plugin's author writes, and nothing more.

use std::process::ExitCode;

use plugdock_testkit::plugin::{
    BROKERED_ARGUMENT, CALLEE_ARGUMENT, brokered, callee, conformance, nap_if_asked,
};

fn main() -> ExitCode {
    nap_if_asked();
    match std::env::args().nth(1).as_deref() {
        Some(CALLEE_ARGUMENT) => callee().serve(),
        Some(BROKERED_ARGUMENT) => brokered().serve(),
        _ => conformance().serve(),
    }
}
