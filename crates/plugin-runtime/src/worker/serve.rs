//! Serves a plugin over a byte stream: introduces it, runs the calls that come, and ends with the connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use plugdock_ipc::frame::{GoodbyeKind, HealthLevel};
use plugdock_ipc::handshake::{HandshakeError, introduce};
use plugdock_ipc::link::LinkConfig;
use plugdock_ipc::link::worker::{HealthProbe, WorkerEnd, WorkerEvent};
use plugdock_ipc::{CodecKind, LinkError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::call::StartingCall;
use super::hello;
use crate::plugin::BuiltPlugin;

/// Time a host has to answer the introduction: it started the worker and waits for it.
const INTRODUCTION: Duration = Duration::from_secs(10);

/// How a worker serves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeConfig {
    /// How the small parts of frames are encoded. Default bincode.
    pub codec: CodecKind,
    /// Time the host has to answer the introduction. Default 10 s.
    pub introduction: Duration,
    /// Where handlers run; apart from where the connection is served, so that a handler that spins keeps nothing from it.
    pub handlers: Handle,
}

impl ServeConfig {
    /// The defaults, with handlers in the given runtime.
    pub fn new(handlers: Handle) -> Self {
        Self { codec: CodecKind::Bincode, introduction: INTRODUCTION, handlers }
    }
}

/// Why serving ended otherwise than by a goodbye.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Host and worker did not come to speak.
    #[error("the host did not accept this worker")]
    Handshake(#[from] HandshakeError),
    /// The connection broke.
    #[error("the connection to the host broke")]
    Link(#[source] LinkError),
}

/// Serves a plugin until the host says goodbye or is gone. Calls that still run then are dropped.
///
/// # Errors
/// [`ServeError`] when the handshake fails or the connection breaks.
pub async fn serve<R, W>(
    reader: R,
    writer: W,
    plugin: Arc<BuiltPlugin>,
    config: ServeConfig,
) -> Result<(), ServeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    crate::runner::install_panic_hook();
    let hello = hello::hello(&plugin);
    let session = introduce(reader, writer, config.codec, hello, config.introduction).await?;
    let (end, driver) = WorkerEnd::new(session, LinkConfig::default());
    let mut accepting = std::pin::pin!(accept(end, plugin, config.handlers));
    let mut driving = std::pin::pin!(driver.run());
    let cause = tokio::select! {
        cause = &mut driving => cause,
        // All handles are gone: what is queued, the goodbye included, still goes out.
        () = &mut accepting => driving.await,
    };
    match cause {
        LinkError::Closed | LinkError::ClosedHere => Ok(()),
        broken => Err(ServeError::Link(broken)),
    }
}

/// Accepts until nothing more comes, or until everything that came before a drain is done.
///
/// It runs beside the connection's driver, in the same task: a call goes to the handlers' runtime only when the stream
/// took its `Started`. A host that sees the stream end without one knows that the handler did not begin.
async fn accept(mut end: WorkerEnd, plugin: Arc<BuiltPlugin>, handlers: Handle) {
    let heartbeat = end.heartbeat();
    // In the order of their `Started`, which is the order in which they are written.
    let mut starting = VecDeque::new();
    let mut running = JoinSet::new();
    let mut draining = false;
    loop {
        tokio::select! {
            event = end.accept() => match event {
                Some(WorkerEvent::Call(call)) => starting.extend(StartingCall::accept(&plugin, call)),
                Some(WorkerEvent::HealthCheck(probe)) => {
                    running.spawn_on(answer_health(Arc::clone(&plugin), probe), &handlers);
                }
                Some(WorkerEvent::Drain(_)) => draining = true,
                Some(_) | None => return,
            },
            is_started = first_started(&starting) => {
                // One that was not told belongs to a connection that is gone: its drop ends it, unrun.
                if let Some(call) = starting.pop_front().filter(|_| is_started) {
                    running.spawn_on(call.run(), &handlers);
                }
            }
            Some(_ended) = running.join_next() => heartbeat.beat(),
        }
        if draining && starting.is_empty() && running.is_empty() {
            end.goodbye(GoodbyeKind::Done, "drained");
            return;
        }
    }
}

/// Waits for the first of the calls that start; for ever without one. Cancel-safe.
async fn first_started(starting: &VecDeque<StartingCall>) -> bool {
    match starting.front() {
        Some(call) => call.started().await,
        None => std::future::pending().await,
    }
}

async fn answer_health(plugin: Arc<BuiltPlugin>, probe: HealthProbe) {
    let report = plugin.check_health().await;
    let level = match report.level {
        plugdock_contracts::health::HealthLevel::Healthy => HealthLevel::Healthy,
        plugdock_contracts::health::HealthLevel::Degraded => HealthLevel::Degraded,
        plugdock_contracts::health::HealthLevel::Unhealthy => HealthLevel::Unhealthy,
    };
    let detail = report.issues.iter().map(|issue| issue.message.as_str()).collect::<Vec<_>>().join("; ");
    if let Err(error) = probe.report(level, detail) {
        tracing::debug!(%error, "the health report was not sent");
    }
}
