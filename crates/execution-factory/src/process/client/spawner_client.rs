//! The host's handle on a spawner: starts it, starts it again when it was lost, and starts workers through it.
//! It holds no worker: each belongs to whoever asked for it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::pipe2;
use plugdock_contracts::BoxFuture;
use plugdock_sandbox::verify;
use tokio::net::unix::pipe;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::super::control::{self, EncodeError};
use super::super::message::{MAX_MESSAGE, Request, SpawnRequest};
use super::backoff::Backoff;
use super::launch::{Launched, launch};
use super::session::{Answer, Session, SessionWorker, Started};
use super::spawn::{Spawn, SpawnError, SpawnSpec};
use super::worker::{WorkerParts, WorkerProcess};

/// How long a program may take to become a spawner. A loaded machine pages it in from disk.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// Longer than the spawner's own bounds for ending workers (2 s) and itself (4 s).
const CONFIRM_WITHIN: Duration = Duration::from_secs(6);

/// What is added to a worker's set-up time before a silent spawner is taken for stuck: it keeps that time itself,
/// and then kills and reaps.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// How a spawner is started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpawnerConfig {
    /// The spawner's program; `None` re-executes the host's own.
    pub program: Option<PathBuf>,
    /// From its start to its first message.
    pub hello_within: Duration,
    /// How long it may take to confirm a kill, or to end when told to, before it is taken for stuck and killed.
    pub confirm_within: Duration,
}

impl Default for SpawnerConfig {
    fn default() -> Self {
        Self { program: None, hello_within: HELLO_WITHIN, confirm_within: CONFIRM_WITHIN }
    }
}

/// Starts workers through a spawner process.
pub struct SpawnerClient {
    config: SpawnerConfig,
    state: tokio::sync::Mutex<State>,
    readers: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct State {
    session: Option<Arc<Session>>,
    backoff: Backoff,
    closed: bool,
}

impl fmt::Debug for SpawnerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnerClient").field("config", &self.config).finish_non_exhaustive()
    }
}

impl SpawnerClient {
    /// Starts a spawner.
    ///
    /// # Errors
    /// When its program cannot be run or does not become a spawner, or when this process is itself one.
    pub async fn start(config: SpawnerConfig) -> Result<Self, SpawnError> {
        let client =
            Self { config, state: tokio::sync::Mutex::default(), readers: Mutex::new(JoinSet::new()) };
        client.session().await?;
        Ok(client)
    }

    /// Ends every worker and the spawner, and waits for that; it is bounded.
    pub async fn shutdown(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        if let Some(session) = state.session.take() {
            session.close();
        }
        drop(state);
        let mut readers = std::mem::take(&mut *self.readers.lock().unwrap_or_else(PoisonError::into_inner));
        while readers.join_next().await.is_some() {}
    }

    /// The session with a living spawner; starts one if there is none.
    async fn session(&self) -> Result<Arc<Session>, SpawnError> {
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(SpawnError::Closed);
        }
        match state.session.take() {
            Some(session) if !session.is_lost() => {
                state.session = Some(Arc::clone(&session));
                return Ok(session);
            }
            Some(_) => state.backoff.note_loss(Instant::now()),
            None => {}
        }
        let wait = state.backoff.wait(Instant::now());
        if !wait.is_zero() {
            return Err(SpawnError::SpawnerRestarting { retry_after: wait });
        }
        match launch(self.config.program.as_deref(), self.config.hello_within).await {
            Ok(Launched { control, process }) => {
                let spawner = process
                    .descriptor()
                    .map_err(|source| SpawnError::Resources { what: "spawner's descriptor", source })?;
                let session = Session::new(control, spawner, self.config.confirm_within);
                let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
                // Readers of lost spawners have ended or are about to.
                while readers.try_join_next().is_some() {}
                readers.spawn(Arc::clone(&session).serve(process));
                drop(readers);
                state.session = Some(Arc::clone(&session));
                Ok(session)
            }
            Err(error) => {
                state.backoff.note_loss(Instant::now());
                Err(error)
            }
        }
    }

    async fn spawn_worker(&self, spec: SpawnSpec) -> Result<WorkerProcess, SpawnError> {
        let session = self.session().await?;
        let program = spec.program.clone();
        let plan = spec.plan.clone();
        let answer_within = spec.setup_within.saturating_add(ANSWER_MARGIN);
        let Ends { ours, theirs } = Ends::make()?;
        let mut pending = session.register();
        let packet = encode(pending.id, spec)?;
        let descriptors = theirs.each_ref().map(AsFd::as_fd);
        let asked = async {
            session.send(&packet, &descriptors).await.map_err(|_gone| SpawnError::SpawnerLost)?;
            (&mut pending.answer).await.map_err(|_gone| SpawnError::SpawnerLost)
        };
        let answer = timeout(answer_within, asked).await;
        drop(theirs);
        let Started { receipt, leader } = match answer {
            Ok(Ok(Answer::Started(started))) => *started,
            Ok(Ok(Answer::Failed(failure))) => return Err(SpawnError::Failed { program, failure }),
            Ok(Ok(Answer::Lost)) => return Err(SpawnError::SpawnerLost),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                session.kill_spawner();
                return Err(SpawnError::SpawnerStuck { waited: answer_within });
            }
        };
        if let Err(mismatches) = verify(&plan, &receipt) {
            return Err(SpawnError::Receipt { program, mismatches });
        }
        let resources = |source| SpawnError::Resources { what: "output pipes", source };
        let worker = WorkerProcess::from_parts(WorkerParts {
            id: pending.id,
            pid: leader.pid,
            channel: ours.channel,
            stdout: pipe::Receiver::from_owned_fd(ours.output).map_err(resources)?,
            stderr: pipe::Receiver::from_owned_fd(ours.errors).map_err(resources)?,
            receipt,
            exit: pending.exit.clone(),
            control: Box::new(SessionWorker { session: Arc::clone(&session), id: pending.id, leader }),
        });
        pending.disarm();
        Ok(worker)
    }
}

impl Spawn for SpawnerClient {
    fn spawn(&self, spec: SpawnSpec) -> BoxFuture<'_, Result<WorkerProcess, SpawnError>> {
        Box::pin(self.spawn_worker(spec))
    }
}

impl Drop for SpawnerClient {
    fn drop(&mut self) {
        if let Some(session) = self.state.get_mut().session.take() {
            session.close();
        }
        // The reader ends with the spawner, which it reaps.
        self.readers.get_mut().unwrap_or_else(PoisonError::into_inner).detach_all();
    }
}

/// Bytes that a channel takes in each direction before its writer waits. With 2 MiB a message of 1 MiB crosses in one
/// turn instead of many.
const CHANNEL_BUFFER: usize = 2 * 1024 * 1024;

/// Both ends of a worker's channel and pipes.
struct Ends {
    ours: OurEnds,
    theirs: [OwnedFd; 3],
}

struct OurEnds {
    channel: UnixStream,
    output: OwnedFd,
    errors: OwnedFd,
}

impl Ends {
    fn make() -> Result<Self, SpawnError> {
        let at = |what| move |source: io::Error| SpawnError::Resources { what, source };
        let (channel, their_channel) = UnixStream::pair().map_err(at("channel"))?;
        channel.set_nonblocking(true).map_err(at("channel"))?;
        for end in [&channel, &their_channel] {
            // A machine that allows less gives what it allows; nothing but speed depends on it.
            let _as_far_as_allowed = setsockopt(end, sockopt::SndBuf, &CHANNEL_BUFFER);
        }
        let (output, their_output) = half_blocking_pipe().map_err(at("output pipe"))?;
        let (errors, their_errors) = half_blocking_pipe().map_err(at("error pipe"))?;
        let ours = OurEnds { channel, output, errors };
        Ok(Self { ours, theirs: [their_channel.into(), their_output, their_errors] })
    }
}

/// A pipe whose reading end, and only that, does not block: programs expect their output to.
fn half_blocking_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((read, write))
}

fn encode(id: u64, spec: SpawnSpec) -> Result<Vec<u8>, SpawnError> {
    let request = SpawnRequest {
        id,
        program: absolute(&spec.program)?,
        args: spec.args,
        env: spec.env,
        dir: absolute(&spec.dir)?,
        plan: spec.plan,
        setup_within: spec.setup_within,
    };
    control::encode(&Request::Spawn(Box::new(request))).map_err(|error| match error {
        EncodeError::TooLarge { length } => SpawnError::TooLarge { length, max: MAX_MESSAGE },
        EncodeError::Json(error) => SpawnError::Resources { what: "request", source: error.into() },
    })
}

fn absolute(path: &Path) -> Result<String, SpawnError> {
    if !path.is_absolute() {
        return Err(SpawnError::NotAbsolute { path: path.to_owned() });
    }
    path.to_str().map(str::to_owned).ok_or_else(|| SpawnError::NotUtf8 { path: path.to_owned() })
}
