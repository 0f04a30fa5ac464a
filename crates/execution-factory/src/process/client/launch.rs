//! Starts the spawner's program and waits until it has become a spawner.
//! It uses no step between fork and exec, so that the host's memory is not copied for it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::super::control::{self, Received};
use super::super::message::{Event, MAX_MESSAGE, PROTOCOL};
use super::super::role::{ROLE_VARIABLE, Role, SPAWNER};
use super::super::sys;
use super::spawn::SpawnError;

/// The host's own program, whatever its file is called by now.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How it is called in process lists.
const NAME: &str = "plugdock-spawner";

/// How long a spawner may take to end its workers and itself before it is killed: its own bound is 4 s.
const END_WITHIN: Duration = Duration::from_secs(6);

/// The spawner's process. Dropped before it was reaped, it is left to be reaped with the host.
#[derive(Debug)]
pub(super) struct SpawnerProcess {
    child: Child,
    process: AsyncFd<OwnedFd>,
}

impl SpawnerProcess {
    /// Waits for its end, kills it if that takes too long, and reaps it.
    async fn reap(mut self, within: Duration) -> io::Result<std::process::ExitStatus> {
        if timeout(within, self.process.readable()).await.is_err() {
            self.kill();
            // SIGKILL needs no one's consent; a spawner in an uninterruptible call is the exception.
            if timeout(END_WITHIN, self.process.readable()).await.is_err() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        // It has ended, so this does not block.
        self.child.wait()
    }

    /// The same, with the time a spawner needs to end its workers.
    pub(super) async fn reap_in_time(self) -> io::Result<std::process::ExitStatus> {
        self.reap(END_WITHIN).await
    }

    /// A second descriptor of the process.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        self.process.get_ref().try_clone()
    }

    fn kill(&mut self) {
        // The only refusal is that it has ended.
        drop(self.child.kill());
    }
}

/// A spawner that has said hello.
#[derive(Debug)]
pub(super) struct Launched {
    pub(super) control: AsyncFd<OwnedFd>,
    pub(super) process: SpawnerProcess,
}

/// Starts a spawner: `program`, or the host's own.
pub(super) async fn launch(program: Option<&Path>, hello_within: Duration) -> Result<Launched, SpawnError> {
    match Role::from_env() {
        Role::Host => {}
        Role::Spawner => return Err(SpawnError::Nested { role: SPAWNER.to_owned() }),
        Role::Other(role) => return Err(SpawnError::Nested { role }),
    }
    let program = program.unwrap_or(Path::new(OWN_PROGRAM)).to_owned();
    let resources = |source| SpawnError::Resources { what: "spawner's socket", source };
    let (ours, theirs) = control::pair().map_err(resources)?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| resources(errno.into()))?;
    let control = sys::watch(ours, Interest::READABLE | Interest::WRITABLE).map_err(resources)?;
    let start = |source| SpawnError::SpawnerStart { program: program.clone(), source };
    let mut process = start_program(&program, theirs).map_err(start)?;
    match timeout(hello_within, hello(&control)).await {
        Ok(Ok(PROTOCOL)) => Ok(Launched { control, process }),
        Ok(Ok(found)) => {
            process.kill();
            drop(process.reap_in_time().await);
            Err(SpawnError::SpawnerProtocol { program, found, expected: PROTOCOL })
        }
        Ok(Err(error)) => {
            // Whoever closed the socket is ending; whoever wrote something else is none of ours.
            let ended = process.reap(Duration::from_millis(200)).await;
            let status = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
            Err(no_hello(program, format!("{error}; {status}")))
        }
        Err(_) => {
            process.kill();
            drop(process.reap_in_time().await);
            Err(no_hello(program, format!("no answer within {hello_within:?}")))
        }
    }
}

fn no_hello(program: PathBuf, detail: String) -> SpawnError {
    SpawnError::NoHello { program, detail }
}

fn start_program(program: &Path, control: OwnedFd) -> io::Result<SpawnerProcess> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the process module: the one place that starts a program"
    )]
    let mut command = Command::new(program);
    let mut child = command
        .arg0(NAME)
        .env_clear()
        .env(ROLE_VARIABLE, SPAWNER)
        .stdin(Stdio::from(control))
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()?;
    let opened = i32::try_from(child.id())
        .map_err(io::Error::other)
        // It is our child and not reaped, so the number is its own.
        .and_then(|pid| Ok(sys::pidfd_open(Pid::from_raw(pid))?))
        .and_then(|process| sys::watch(process, Interest::READABLE));
    match opened {
        Ok(process) => Ok(SpawnerProcess { child, process }),
        Err(error) => {
            drop(child.kill());
            drop(child.wait());
            Err(error)
        }
    }
}

/// Waits for the first message.
async fn hello(control: &AsyncFd<OwnedFd>) -> io::Result<u32> {
    let mut buffer = vec![0; MAX_MESSAGE];
    let received = control
        .async_io(Interest::READABLE, |socket| control::receive::<Event>(socket.as_fd(), &mut buffer))
        .await?;
    match received {
        Received::Message(Event::Hello { protocol, .. }, _) => Ok(protocol),
        Received::Message(..) => Err(io::Error::other("it did not begin with hello")),
        Received::Closed => Err(io::Error::other("it ended")),
    }
}
