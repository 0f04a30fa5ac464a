//! Turns a freshly started process into a spawner, if it was asked to be one.
//! A normal run returns from here at once and unchanged.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, chdir, setpgid};

use super::super::control;
use super::super::role::Role;
use super::super::sys;
use super::server::Server;

/// Where the spawner keeps its socket: the numbers below are the standard streams, those above are closed.
const CONTROL: i32 = 3;

/// How it shows up in process lists; the kernel keeps 15 characters.
const NAME: &std::ffi::CStr = c"plugdock-spawn";

/// Becomes the spawner if the environment asks for it, and then never returns. Otherwise returns at once.
///
/// Call it first in `main`, before any thread exists: a spawner forks, and refuses to start beside threads.
pub fn run_if_asked() {
    if Role::from_env() == Role::Spawner {
        let code = i32::from(run().is_err());
        #[expect(
            clippy::exit,
            clippy::disallowed_methods,
            reason = "the program's own main must not run in a spawner, and nothing here needs a destructor"
        )]
        std::process::exit(code)
    }
}

/// The `main` of a program that is nothing but a spawner.
pub fn main() -> ExitCode {
    if Role::from_env() != Role::Spawner {
        say("this program is started by plugdock and does nothing by hand");
        return ExitCode::from(2);
    }
    run().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn run() -> io::Result<()> {
    let result = prepare().and_then(Server::run);
    if let Err(error) = &result {
        say(&error.to_string());
    }
    result
}

/// Takes the socket from descriptor 0 and brings the process into a known state: F69 and F70 of a host that was
/// started with closed streams, blocked signals or leaked descriptors end here.
fn prepare() -> io::Result<Server> {
    if !control::is_packet_socket(&io::stdin().as_fd()) {
        return Err(io::Error::other("descriptor 0 is not a spawner's socket: start it through plugdock"));
    }
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("a spawner needs one thread: call plugdock::init() first in main"));
    }
    sys::place(0, CONTROL, true)?;
    sys::close_from(u32::try_from(CONTROL + 1).expect("a small positive number fits"))?;
    let control = sys::own(CONTROL);
    let null = open_null()?;
    nix::unistd::dup2_stdin(&null)?;
    sys::reset_signals()?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&only_child_signal()), None)?;
    let signals = SignalFd::with_flags(&only_child_signal(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    prctl::set_child_subreaper(true)?;
    prctl::set_name(NAME)?;
    prctl::set_dumpable(false)?;
    match setpgid(Pid::from_raw(0), Pid::from_raw(0)) {
        // A session leader already leads its group.
        Ok(()) | Err(Errno::EPERM) => {}
        Err(errno) => return Err(errno.into()),
    }
    umask(Mode::from_bits_truncate(0o077));
    // The host's directory may be unmounted or deleted while the spawner lives.
    chdir("/")?;
    Ok(Server::new(control, signals, null))
}

fn only_child_signal() -> SigSet {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    set
}

fn open_null() -> io::Result<OwnedFd> {
    std::fs::File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from)
}

fn say(text: &str) {
    // Nobody is left to hear about a standard error that cannot be written.
    drop(writeln!(io::stderr(), "plugdock-spawner: {text}"));
}
