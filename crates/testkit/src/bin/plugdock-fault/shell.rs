//! What safe Rust cannot do to itself, done by a shell: signals, and processes that stay behind.
//! Every command is fixed here; nothing comes from outside.

use std::io;
use std::process::{Child, Command};

/// Runs a command with a shell whose parent this process is, and whose descriptors it shares.
pub(crate) fn start(script: &str) -> io::Result<Child> {
    #[expect(clippy::disallowed_methods, reason = "a plugin starts programs as its author likes")]
    Command::new("/bin/sh").args(["-c", script]).spawn()
}

/// Sends a signal to this process. It returns for a signal that does not end it.
pub(crate) fn raise(signal: &str) -> io::Result<()> {
    start(&format!("kill -{signal} $PPID"))?.wait().map(drop)
}

/// Blocks for ever.
pub(crate) fn block() -> ! {
    loop {
        std::thread::park();
    }
}
