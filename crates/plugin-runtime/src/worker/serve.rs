//! Serves a plugin over a byte stream: introduces it, runs the calls that come, and ends with the connection.

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

use super::{call, hello};
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
    let hello = hello::hello(plugin.description());
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

/// Accepts until nothing more comes, or until everything that ran before a drain is done.
async fn accept(mut end: WorkerEnd, plugin: Arc<BuiltPlugin>, handlers: Handle) {
    let heartbeat = end.heartbeat();
    let mut running = JoinSet::new();
    let mut draining = false;
    loop {
        tokio::select! {
            event = end.accept() => match event {
                Some(WorkerEvent::Call(call)) => {
                    running.spawn_on(call::run(Arc::clone(&plugin), call), &handlers);
                }
                Some(WorkerEvent::HealthCheck(probe)) => {
                    running.spawn_on(answer_health(Arc::clone(&plugin), probe), &handlers);
                }
                Some(WorkerEvent::Drain(_)) => draining = true,
                Some(_) | None => return,
            },
            Some(_ended) = running.join_next() => heartbeat.beat(),
        }
        if draining && running.is_empty() {
            end.goodbye(GoodbyeKind::Done, "drained");
            return;
        }
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
