//! The suite's plugins as a program: `conformance-plugin` serves the one that is called, `conformance-plugin callee` the other.
//! It is what a plugin's author writes, and nothing more.

use std::process::ExitCode;

use plugdock_testkit::plugin::{CALLEE_ARGUMENT, callee, conformance};

fn main() -> ExitCode {
    let wants_callee = std::env::args().nth(1).is_some_and(|argument| argument == CALLEE_ARGUMENT);
    if wants_callee { callee().serve() } else { conformance().serve() }
}
