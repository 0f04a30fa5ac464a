//! The worker's side: prelude and hello in one write, then the host's prelude and its welcome or refusal.
//! The worker chooses the codec; it speaks exactly one protocol.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::host::read_prelude;
use super::session::next_frame;
use super::{HandshakeError, HandshakeStep, Session};
use crate::codec::CodecKind;
use crate::error::SendError;
use crate::frame::{Body, Frame, Hello};
use crate::limit::{LinkLimits, MIN_PAYLOAD_LIMIT};
use crate::prelude::{Prelude, Side};
use crate::reader::FrameReader;
use crate::staging::Staging;
use crate::writer::FrameWriter;

/// Says who this worker is and waits to be welcomed, all within `within`.
///
/// # Errors
/// A deadline with the step that was due, a prelude mismatch, a refusal with its reason, or a broken connection.
pub async fn introduce<R, W>(
    reader: R,
    writer: W,
    codec: CodecKind,
    hello: Hello,
    within: Duration,
) -> Result<Session<R, W>, HandshakeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let until = Instant::now() + within;
    let mut step = HandshakeStep::Hello;
    match timeout_at(until, talk(reader, writer, codec, hello, &mut step)).await {
        Ok(session) => session,
        Err(_elapsed) => Err(HandshakeError::Deadline { step, after: within }),
    }
}

async fn talk<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    mut reader: R,
    writer: W,
    codec: CodecKind,
    hello: Hello,
    step: &mut HandshakeStep,
) -> Result<Session<R, W>, HandshakeError> {
    let limits = LinkLimits::default().with_max_payload(MIN_PAYLOAD_LIMIT);
    let mut writer = FrameWriter::new(writer, codec, limits);
    writer.add_raw(&Prelude::new(codec).to_bytes());
    // A hello the host did not read to its end still leaves its prelude to be read, which says more.
    let said = match writer.write(Frame::connection(hello.clone())).await {
        Ok(()) => Ok(()),
        Err(SendError::Link(source)) => Err(HandshakeError::Link { step: *step, source }),
        Err(source) => return Err(HandshakeError::Unsayable { step: *step, source }),
    };
    *step = HandshakeStep::Prelude;
    let mut staging = Staging::new();
    let theirs = read_prelude(&mut reader, &mut staging).await?;
    let agreed = theirs.agree(Side::Worker)?;
    if agreed != codec {
        return Err(theirs.codec_differs(codec, Side::Worker).into());
    }
    said?;
    *step = HandshakeStep::Welcome;
    let mut reader = FrameReader::resume(reader, staging, codec, limits);
    match next_frame(&mut reader, *step).await?.body {
        Body::Welcome(welcome) => {
            welcome.limits.validate().map_err(HandshakeError::Limits)?;
            Ok(Session::new(hello, *welcome, codec, reader, writer))
        }
        Body::Goodbye(goodbye) => Err(HandshakeError::Refused { reason: goodbye.reason }),
        other => Err(HandshakeError::Unexpected { step: *step, kind: other.kind() }),
    }
}
