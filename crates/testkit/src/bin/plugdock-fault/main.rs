//! A worker that misbehaves on purpose, in the way its first argument names. It speaks the protocol of `docs/ipc-protocol.md`
//! with bytes written by hand, so that it is a witness independent of the crate that implements it.
//!
//! Its channel is descriptor 0: a shell puts it there, because safe Rust cannot take a descriptor by its number.

mod mode;
mod shell;
mod wire;

use std::process::ExitCode;

use wire::Channel;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(mode) = arguments.next() else { return ExitCode::from(2) };
    let Ok(mut channel) = Channel::of_stdin() else { return ExitCode::from(3) };
    match mode::run(&mode, &mut channel) {
        Ok(code) => ExitCode::from(code),
        // The host ended the conversation, which is what most faults are for.
        Err(_broken) => ExitCode::from(70),
    }
}
