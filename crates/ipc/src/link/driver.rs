//! Runs a connection: one future that reads and writes at once, so that two full buffers never wait for each other.
//! It starts no task; the caller runs it in a task set of its own and joins it.

use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::Core;
use super::outbox::Next;
use crate::error::{LinkError, Violation};
use crate::limit::LAST_WORDS;
use crate::reader::{FrameReader, Incoming};
use crate::writer::FrameWriter;

/// Where frames go. Routing never waits: everything a peer may send unasked is bounded by count or credit.
pub(crate) trait Router: Send + Sync + std::fmt::Debug {
    /// Delivers a frame.
    fn route(&self, incoming: Incoming) -> Result<(), Violation>;
    /// Whether the peer ended its direction on purpose and still listens to what is left to say.
    fn may_finish(&self) -> bool;
    /// Wakes everyone who waits: the core has the cause.
    fn died(&self);
}

/// The future that moves a connection's bytes. Until it runs, nothing is sent or received; dropped, the link is dead.
#[derive(Debug)]
#[must_use = "a connection moves no byte until its driver runs"]
pub struct Driver<R, W> {
    reader: FrameReader<R>,
    writer: FrameWriter<W>,
    guard: DeathGuard,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Driver<R, W> {
    pub(crate) fn new(
        reader: FrameReader<R>,
        writer: FrameWriter<W>,
        core: Arc<Core>,
        router: Arc<dyn Router>,
    ) -> Self {
        Self { reader, writer, guard: DeathGuard { core, router } }
    }

    /// Runs until the connection ends and says why; the same cause is given to every handle.
    pub async fn run(self) -> LinkError {
        let Self { mut reader, mut writer, guard } = self;
        let (core, router) = (&*guard.core, &*guard.router);
        let cause = {
            let mut read = pin!(read_loop(&mut reader, router));
            let mut write = pin!(write_loop(&mut writer, core));
            tokio::select! {
                // Biased, so that what was read before the end decides, not which half noticed first.
                biased;
                cause = &mut read => {
                    if matches!(cause, LinkError::Closed) && router.may_finish() {
                        tokio::select! {
                            // How the rest was written changes nothing about why the link ends.
                            _written = timeout(LAST_WORDS, write) => cause,
                            cause = core.closed() => cause,
                        }
                    } else {
                        cause
                    }
                }
                cause = core.closed() => cause,
                written = &mut write => {
                    // The peer may have answered before it stopped reading: read what is on the way.
                    let cause = written.err().unwrap_or(LinkError::ClosedHere);
                    match timeout(LAST_WORDS, read).await {
                        Ok(LinkError::Closed) if matches!(cause, LinkError::Write(_)) => LinkError::Closed,
                        Ok(LinkError::Closed) | Err(_) => cause,
                        Ok(seen) => seen,
                    }
                }
            }
        };
        guard.die(cause.clone());
        core.cause().unwrap_or(cause)
    }
}

async fn read_loop<R: AsyncRead + Unpin>(reader: &mut FrameReader<R>, router: &dyn Router) -> LinkError {
    loop {
        match reader.next().await {
            Ok(Some(incoming)) => {
                if let Err(violation) = router.route(incoming) {
                    return LinkError::Violation(violation);
                }
            }
            Ok(None) => return LinkError::Closed,
            Err(cause) => return cause,
        }
    }
}

async fn write_loop<W: AsyncWrite + Unpin>(
    writer: &mut FrameWriter<W>,
    core: &Core,
) -> Result<(), LinkError> {
    loop {
        let mut rooms = Vec::new();
        match core.next().await {
            Next::Closed => return writer.shutdown().await,
            Next::Frame(frame, room) => {
                rooms.extend(room);
                let mut more = writer.add(frame);
                while more && let Some(Next::Frame(frame, room)) = core.try_next() {
                    rooms.extend(room);
                    more = writer.add(frame);
                }
            }
        }
        writer.flush().await?;
        core.flushed();
    }
}

/// Makes sure that nobody waits for a link whose driver is gone.
#[derive(Debug)]
struct DeathGuard {
    core: Arc<Core>,
    router: Arc<dyn Router>,
}

impl DeathGuard {
    fn die(&self, cause: LinkError) {
        self.core.die(cause);
        self.router.died();
    }
}

impl Drop for DeathGuard {
    fn drop(&mut self) {
        // After a run the cause is set, and this changes nothing.
        self.die(LinkError::DriverDropped);
    }
}
