//! The host's side: hear the prelude and the hello, answer with prelude and welcome, or refuse with a reason.
//! It always answers a plugdock prelude with its own, so that the worker can explain a mismatch too.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::session::{next_frame, say};
use super::{HandshakeError, HandshakeStep, Session};
use crate::codec::CodecKind;
use crate::error::{FramePart, LinkError};
use crate::frame::{Body, Frame, Goodbye, GoodbyeKind, Hello, Welcome};
use crate::limit::{LinkLimits, MIN_PAYLOAD_LIMIT};
use crate::prelude::{MAGIC, PRELUDE_LEN, Prelude, PreludeError, Side};
use crate::reader::FrameReader;
use crate::staging::Staging;
use crate::writer::FrameWriter;

/// A worker that said hello and waits to be welcomed or refused.
#[derive(Debug)]
pub struct Greeted<R, W> {
    hello: Hello,
    codec: CodecKind,
    reader: FrameReader<R>,
    writer: FrameWriter<W>,
    until: Instant,
    within: Duration,
}

/// Reads the worker's prelude and hello and answers the prelude. `within` bounds the whole handshake, welcome included.
///
/// # Errors
/// A deadline with the step that was due, a prelude mismatch, a broken connection or another frame than the hello.
pub async fn greet<R, W>(reader: R, writer: W, within: Duration) -> Result<Greeted<R, W>, HandshakeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let until = Instant::now() + within;
    let mut step = HandshakeStep::Prelude;
    match timeout_at(until, hear(reader, writer, &mut step)).await {
        Ok(heard) => {
            let (hello, codec, reader, writer) = heard?;
            Ok(Greeted { hello, codec, reader, writer, until, within })
        }
        Err(_elapsed) => Err(HandshakeError::Deadline { step, after: within }),
    }
}

async fn hear<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    mut reader: R,
    writer: W,
    step: &mut HandshakeStep,
) -> Result<(Hello, CodecKind, FrameReader<R>, FrameWriter<W>), HandshakeError> {
    let mut staging = Staging::new();
    let theirs = read_prelude(&mut reader, &mut staging).await?;
    let agreed = theirs.agree(Side::Host);
    let answer = Prelude::new(CodecKind::from_number(theirs.codec).unwrap_or(CodecKind::Json));
    let limits = LinkLimits::default().with_max_payload(MIN_PAYLOAD_LIMIT);
    let codec = *agreed.as_ref().unwrap_or(&CodecKind::Json);
    let mut writer = FrameWriter::new(writer, codec, limits);
    writer.add_raw(&answer.to_bytes());
    let sent = writer.flush().await;
    // A mismatch says more than the failure to answer it.
    let codec = agreed?;
    sent.map_err(|source| HandshakeError::Link { step: *step, source })?;
    *step = HandshakeStep::Hello;
    let mut reader = FrameReader::resume(reader, staging, codec, limits);
    match next_frame(&mut reader, *step).await?.body {
        Body::Hello(hello) => Ok((*hello, codec, reader, writer)),
        other => Err(HandshakeError::Unexpected { step: *step, kind: other.kind() }),
    }
}

/// Reads a prelude, giving up at the first byte that no prelude has there.
pub(super) async fn read_prelude<R: AsyncRead + Unpin>(
    reader: &mut R,
    staging: &mut Staging,
) -> Result<Prelude, HandshakeError> {
    let step = HandshakeStep::Prelude;
    loop {
        let seen = staging.peek();
        let n_magic = seen.len().min(MAGIC.len());
        if seen[..n_magic] != MAGIC[..n_magic] {
            return Err(PreludeError::not_the_protocol(&seen[..seen.len().min(SHOWN)]).into());
        }
        if seen.len() >= PRELUDE_LEN {
            let mut bytes = [0; PRELUDE_LEN];
            bytes.copy_from_slice(staging.take_up_to(PRELUDE_LEN));
            return Ok(Prelude::from_bytes(bytes)?);
        }
        let have = seen.len();
        let n_read = staging.fill(reader).await.map_err(|source| HandshakeError::Link { step, source })?;
        if n_read == 0 {
            let source = match have {
                0 => LinkError::Closed,
                have => LinkError::Truncated { part: FramePart::Prelude, have, want: PRELUDE_LEN },
            };
            return Err(HandshakeError::Link { step, source });
        }
    }
}

/// How much of a wrong greeting is shown: a line of text, which is what it usually is.
const SHOWN: usize = 64;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Greeted<R, W> {
    /// What the worker said about itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The codec it chose.
    pub fn codec(&self) -> CodecKind {
        self.codec
    }

    /// Accepts the worker. Not cancel-safe, as nothing of a handshake is: dropped, the connection is unusable.
    ///
    /// # Errors
    /// Limits out of range, the deadline, or a broken connection.
    pub async fn welcome(mut self, welcome: Welcome) -> Result<Session<R, W>, HandshakeError> {
        welcome.limits.validate().map_err(HandshakeError::Limits)?;
        self.say(Frame::connection(welcome.clone())).await?;
        Ok(Session::new(self.hello, welcome, self.codec, self.reader, self.writer))
    }

    /// Tells the worker why it is not wanted, and ends.
    ///
    /// # Errors
    /// The deadline or a broken connection; the worker may not know the reason then.
    pub async fn refuse(mut self, reason: impl Into<String>) -> Result<(), HandshakeError> {
        self.say(Frame::connection(Goodbye::new(GoodbyeKind::Refused, reason))).await
    }

    async fn say(&mut self, frame: Frame) -> Result<(), HandshakeError> {
        let step = HandshakeStep::Welcome;
        match timeout_at(self.until, say(&mut self.writer, frame, step)).await {
            Ok(said) => said,
            Err(_elapsed) => Err(HandshakeError::Deadline { step, after: self.within }),
        }
    }
}
