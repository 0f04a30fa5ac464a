//! A forked child of the test binary that runs one closure and tells what came of it.
//! It runs only what the spawner's child would run, and dies with the test.

use std::io::{PipeReader, PipeWriter, Read as _, Write as _};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, fork};

/// No child of a test runs longer.
const CEILING_SECONDS: u32 = 30;

/// A child that is killed and reaped when the test is done with it.
pub(super) struct Forked {
    pid: Pid,
    said: PipeReader,
    go: Option<PipeWriter>,
    reaped: bool,
}

/// The child's side: what it says, and waiting for the test's word to go on.
pub(super) struct Voice {
    said: PipeWriter,
    go: PipeReader,
}

impl Voice {
    /// Says one line.
    pub(super) fn say(&mut self, line: &str) {
        // The test sees a line that is missing.
        let _told = self.said.write_all(format!("{line}\n").as_bytes());
    }

    /// Waits until the test ends or says to go on.
    pub(super) fn wait(&mut self) {
        let _end = self.go.read(&mut [0]);
    }
}

pub(super) fn split() -> ForkResult {
    #[expect(unsafe_code, reason = "groups hold processes, so there have to be some")]
    // SAFETY: the child uses allocation, whose locks the C library resets at a fork, and plain system calls, as the
    // spawner's child does, and ends with `_exit`.
    unsafe { fork() }.unwrap()
}

pub(super) fn leave(code: i32) -> ! {
    #[expect(unsafe_code, reason = "a forked child must not run the destructors of its parent")]
    // SAFETY: the call does not return.
    unsafe {
        libc::_exit(code)
    }
}

impl Forked {
    /// Runs `act` in a child, which ends with code 0 when `act` returns.
    pub(super) fn run(act: impl FnOnce(&mut Voice)) -> Self {
        let (said, saying) = std::io::pipe().unwrap();
        let (hearing, go) = std::io::pipe().unwrap();
        match split() {
            ForkResult::Child => {
                drop((said, go));
                prctl::set_pdeathsig(Signal::SIGKILL).unwrap();
                alarm::set(CEILING_SECONDS);
                act(&mut Voice { said: saying, go: hearing });
                leave(0)
            }
            ForkResult::Parent { child } => {
                drop((saying, hearing));
                Self { pid: child, said, go: Some(go), reaped: false }
            }
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// The next line; empty when the child ended.
    pub(super) fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while self.said.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    /// Lets the child go on.
    pub(super) fn go(&mut self) {
        if let Some(mut go) = self.go.take() {
            // A word and not the end of the pipe: children of other tests may hold a copy of this end.
            let _gone = go.write_all(b"!");
        }
    }

    /// For a child that the test reaped itself.
    pub(super) fn forget(mut self) {
        self.reaped = true;
    }

    /// Waits for the end.
    pub(super) fn end(mut self) -> WaitStatus {
        self.go();
        self.reaped = true;
        waitpid(self.pid, None).unwrap()
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        if !self.reaped {
            // A test failed; nobody is left to hear of more.
            let _killed = nix::sys::signal::kill(self.pid, Signal::SIGKILL);
            let _reaped = waitpid(self.pid, None);
        }
    }
}

/// Whether the child was killed.
pub(super) fn was_killed(status: WaitStatus) -> bool {
    matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _))
}
