//! Signals to workers, as an administrator or the kernel sends them.
//! For tests alone: a number is told by the backend at that moment, and its process is alive, because the test has it so.

/// Sends a signal to the process of that number.
///
/// # Panics
/// When there is no such process.
pub(crate) fn signal(pid: u32, name: &str) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a program that is asked to send a signal needs no group of its own"
    )]
    let sent = std::process::Command::new("/bin/kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.unwrap().success(), "no signal was sent to {pid}");
}
