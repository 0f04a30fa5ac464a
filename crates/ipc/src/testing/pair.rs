//! Two ends over memory that shook hands, ready for a test to use or to misuse.
//! The drivers are handed out, not run: the test owns its tasks.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadHalf, WriteHalf, duplex, split};

use crate::codec::CodecKind;
use crate::frame::{HandlerInfo, Hello, Welcome};
use crate::handshake::{HandshakeError, Session, greet, introduce};
use crate::limit::{DEFAULT_HANDSHAKE, LinkLimits};

/// One end of a memory connection.
pub type TestIo = (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>);

/// Both sessions of a handshake.
#[derive(Debug)]
pub struct TestPair<R, W> {
    /// The host's.
    pub host: Session<R, W>,
    /// The worker's.
    pub worker: Session<R, W>,
}

/// Two connected ends that hold at most `capacity` bytes per direction.
pub fn memory_pair(capacity: usize) -> (TestIo, TestIo) {
    let (host, worker) = duplex(capacity);
    (split(host), split(worker))
}

/// Shakes hands over two connected ends: a plugin `test/plugin` with a handler `echo`.
///
/// # Errors
/// The first side that failed.
pub async fn connect<R, W>(
    host: (R, W),
    worker: (R, W),
    codec: CodecKind,
    limits: LinkLimits,
) -> Result<TestPair<R, W>, HandshakeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let within: Duration = DEFAULT_HANDSHAKE;
    let hello = Hello {
        plugin_id: "test/plugin".to_owned(),
        plugin_version: "1.0.0".to_owned(),
        handlers: vec![HandlerInfo { name: "echo".to_owned(), ..HandlerInfo::default() }],
        ..Hello::default()
    };
    let welcome = Welcome { limits, ..Welcome::default() };
    let (host, worker) = tokio::try_join!(
        async { greet(host.0, host.1, within).await?.welcome(welcome).await },
        introduce(worker.0, worker.1, codec, hello, within),
    )?;
    Ok(TestPair { host, worker })
}
