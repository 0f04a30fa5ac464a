//! What a handshake leaves: an agreed codec, agreed limits, and both directions ready for frames.
//! A link is made from it; it has no use of its own.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{HandshakeError, HandshakeStep};
use crate::codec::CodecKind;
use crate::error::{LinkError, SendError};
use crate::frame::{Frame, Hello, Welcome};
use crate::reader::{FrameReader, Incoming};
use crate::writer::FrameWriter;

/// A finished handshake.
#[derive(Debug)]
#[non_exhaustive]
pub struct Session<R, W> {
    /// What the worker said.
    pub hello: Hello,
    /// What the host answered.
    pub welcome: Welcome,
    /// How metas are encoded.
    pub codec: CodecKind,
    pub(crate) reader: FrameReader<R>,
    pub(crate) writer: FrameWriter<W>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Session<R, W> {
    pub(super) fn new(
        hello: Hello,
        welcome: Welcome,
        codec: CodecKind,
        mut reader: FrameReader<R>,
        mut writer: FrameWriter<W>,
    ) -> Self {
        reader.set_limits(welcome.limits);
        writer.set_limits(welcome.limits);
        Self { hello, welcome, codec, reader, writer }
    }

    /// Takes it apart, for a peer that drives frames by hand (tests, tools).
    pub fn into_parts(self) -> (FrameReader<R>, FrameWriter<W>) {
        (self.reader, self.writer)
    }
}

/// The next frame of a handshake.
pub(super) async fn next_frame<R: AsyncRead + Unpin>(
    reader: &mut FrameReader<R>,
    step: HandshakeStep,
) -> Result<Frame, HandshakeError> {
    match reader.next().await {
        Ok(Some(Incoming::Frame(frame) | Incoming::Oversized { frame, .. })) => Ok(frame),
        Ok(None) => Err(HandshakeError::Link { step, source: LinkError::Closed }),
        Err(source) => Err(HandshakeError::Link { step, source }),
    }
}

/// Writes a frame of a handshake.
pub(super) async fn say<W: AsyncWrite + Unpin>(
    writer: &mut FrameWriter<W>,
    frame: Frame,
    step: HandshakeStep,
) -> Result<(), HandshakeError> {
    writer.write(frame).await.map_err(|err| match err {
        SendError::Link(source) => HandshakeError::Link { step, source },
        source => HandshakeError::Unsayable { step, source },
    })
}
