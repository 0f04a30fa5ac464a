//! Starts a worker and introduces host and worker to each other: what comes out is ready for calls.

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::CancelReason;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::outcome::SandboxReport;
use plugdock_ipc::frame::{Hello, Welcome};
use plugdock_ipc::handshake::{Greeted, HandshakeError, greet};
use plugdock_ipc::link::LinkConfig;
use plugdock_ipc::link::host::HostEnd;
use plugdock_ipc::{LinkError, LinkLimits};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use super::failure;
use super::output::{Listener, Origin, OutputPump};
use crate::execution::Port;
use crate::process::{ExitReport, ForwardLimits, Spawn, SpawnSpec, WorkerProcess};

/// Between the end of a worker's channel and the end of its process: what an exit with destructors takes.
pub(crate) const EXIT_WITHIN: Duration = Duration::from_millis(500);

/// A worker that is ready for calls.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) worker: Arc<WorkerProcess>,
    pub(crate) end: HostEnd,
    pub(crate) hello: Hello,
    pub(crate) sandbox: SandboxReport,
    pub(crate) output: OutputPump,
    /// Of the execution it was started for, if it was started for one.
    pub(crate) listener: Option<Listener>,
    pub(crate) link: JoinSet<LinkError>,
}

/// What a start takes beside the process's own specification.
#[derive(Debug)]
pub(crate) struct AttachSpec {
    pub(crate) spawn: SpawnSpec,
    pub(crate) handshake: Duration,
    pub(crate) max_payload: u64,
    /// The one execution it is started for: its output is that execution's from the start, and a cancellation ends the
    /// start.
    pub(crate) only_for: Option<(Port, ForwardLimits)>,
    /// Whose its output is otherwise.
    pub(crate) origin: Origin,
    /// The plugin that is expected to answer, as `id` and `version`.
    pub(crate) expected: (String, String),
}

/// No worker is ready for calls; of one that was started nothing runs any more.
#[derive(Debug)]
pub(crate) enum AttachError {
    /// It failed.
    Failed {
        /// What whoever wanted it is told.
        error: ExecutionError,
        /// Another attempt would fail in the same way.
        permanent: bool,
    },
    /// The execution was cancelled meanwhile.
    Cancelled(CancelReason),
}

/// Resolves when the start is no longer wanted.
async fn unwanted(port: Option<&Port>) -> CancelReason {
    match port {
        Some(port) => port.cancelled().await,
        None => std::future::pending().await,
    }
}

/// Reads what is left of a worker's output and answers the last lines of its standard error.
pub(crate) async fn last_output(output: OutputPump, listener: Option<Listener>) -> Vec<String> {
    let tail = output.finish().await;
    listener.map_or(tail, Listener::settle)
}

/// Starts a worker. Dropping the future kills what was started; a cancellation also waits for its death.
pub(crate) async fn attach(spawn: &dyn Spawn, spec: AttachSpec) -> Result<Attached, AttachError> {
    let AttachSpec { spawn: spawn_spec, handshake, max_payload, only_for, origin, expected } = spec;
    let port = only_for.as_ref().map(|(port, _limits)| port.clone());
    let plan = spawn_spec.plan.clone();
    let mut worker = tokio::select! {
        biased;
        reason = unwanted(port.as_ref()) => return Err(AttachError::Cancelled(reason)),
        worker = spawn.spawn(spawn_spec) => worker.map_err(|error| AttachError::Failed {
            error: failure::spawn(&error),
            permanent: failure::is_spawn_permanent(&error),
        })?,
    };
    let sandbox = plugdock_sandbox::report(&plan, worker.receipt());
    let (Some(channel), Some(stdout), Some(stderr)) =
        (worker.take_channel(), worker.take_stdout(), worker.take_stderr())
    else {
        unreachable!("a worker that was just made still has its channel and pipes");
    };
    let (output, listener) = match only_for {
        Some(call) => {
            let (output, listener) = OutputPump::start_for(stdout, stderr, origin, call);
            (output, Some(listener))
        }
        None => (OutputPump::start(stdout, stderr, origin), None),
    };
    let introduced = tokio::select! {
        biased;
        reason = unwanted(port.as_ref()) => {
            worker.kill();
            worker.exited().await;
            last_output(output, listener).await;
            return Err(AttachError::Cancelled(reason));
        }
        introduced = introduce(channel, handshake, max_payload, &expected, &worker) => introduced,
    };
    match introduced {
        Ok((hello, end, link)) => {
            let worker = Arc::new(worker);
            Ok(Attached { worker, end, hello, sandbox, output, listener, link })
        }
        Err(error) => {
            let exit = ended_by_itself(&worker, &error).await;
            worker.kill();
            worker.exited().await;
            let tail = last_output(output, listener).await;
            Err(AttachError::Failed {
                error: failure::handshake(&error, exit.as_ref(), tail),
                permanent: failure::is_handshake_permanent(&error),
            })
        }
    }
}

/// The end of a worker whose channel closed, if it comes soon and without us.
async fn ended_by_itself(worker: &WorkerProcess, error: &HandshakeError) -> Option<ExitReport> {
    match error {
        HandshakeError::Link { .. } => tokio::time::timeout(EXIT_WITHIN, worker.exited()).await.ok(),
        _ => worker.exit_report(),
    }
}

type Introduced = (Hello, HostEnd, JoinSet<LinkError>);

async fn introduce(
    channel: std::os::unix::net::UnixStream,
    within: Duration,
    max_payload: u64,
    expected: &(String, String),
    worker: &WorkerProcess,
) -> Result<Introduced, HandshakeError> {
    let broken = |source: std::io::Error| HandshakeError::Link {
        step: plugdock_ipc::handshake::HandshakeStep::Prelude,
        source: LinkError::Read(Arc::new(source)),
    };
    let (reader, writer) = UnixStream::from_std(channel).map_err(broken)?.into_split();
    let greeted = tokio::select! {
        biased;
        greeted = greet(reader, writer, within) => greeted?,
        // A descendant may hold the channel open: the worker's own end ends the wait.
        _exit = worker.exited() => return Err(HandshakeError::Link {
            step: plugdock_ipc::handshake::HandshakeStep::Hello,
            source: LinkError::Closed,
        }),
    };
    let greeted = check_identity(greeted, expected).await?;
    let limits = LinkLimits::default().with_max_payload(payload_limit(max_payload));
    let welcome = Welcome {
        limits,
        heartbeat_ms: 0,
        features: Vec::new(),
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let hello = greeted.hello().clone();
    let session = greeted.welcome(welcome).await?;
    let (end, driver) = HostEnd::new(session, LinkConfig::default());
    let mut link = JoinSet::new();
    link.spawn(driver.run());
    Ok((hello, end, link))
}

type Greeting = Greeted<OwnedReadHalf, OwnedWriteHalf>;

/// The program must be the plugin that its manifest says.
async fn check_identity(greeted: Greeting, expected: &(String, String)) -> Result<Greeting, HandshakeError> {
    let hello = greeted.hello();
    let found = (hello.plugin_id.clone(), hello.plugin_version.clone());
    if found == *expected {
        return Ok(greeted);
    }
    let reason = format!(
        "the program says it is `{}` {}, the manifest says `{}` {}",
        found.0, found.1, expected.0, expected.1
    );
    // The worker may be gone already; what counts is that it is not used.
    let _told = greeted.refuse(reason.clone()).await;
    Err(HandshakeError::Refused { reason })
}

fn payload_limit(wanted: u64) -> u32 {
    use plugdock_ipc::limit::{MAX_PAYLOAD_LIMIT, MIN_PAYLOAD_LIMIT};
    // Below the protocol's least the host's own check still holds the smaller limit.
    u32::try_from(wanted).unwrap_or(MAX_PAYLOAD_LIMIT).clamp(MIN_PAYLOAD_LIMIT, MAX_PAYLOAD_LIMIT)
}

impl Attached {
    /// Ends the worker: politely at first, then by force. Answers its end, whether it was killed here, and the last
    /// lines of its standard error. Its process and everything in its group are dead when this returns.
    pub(crate) async fn end(self, politely: bool) -> (ExitReport, bool, Vec<String>) {
        let Self { worker, end, output, listener, mut link, .. } = self;
        let mut killed = false;
        if politely {
            end.goodbye(plugdock_ipc::frame::GoodbyeKind::Done, "");
        } else {
            worker.kill();
            killed = true;
        }
        let exit = match tokio::time::timeout(EXIT_WITHIN, worker.exited()).await {
            Ok(exit) => exit,
            Err(_elapsed) => {
                worker.kill();
                killed = true;
                worker.exited().await
            }
        };
        end.abort();
        link.shutdown().await;
        (exit, killed, last_output(output, listener).await)
    }
}
