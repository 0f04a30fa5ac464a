//! Takes frames off any byte stream. Memory grows with the bytes that came, never with a length the peer announced.
//! It knows no calls: which frame may come when is the link's business.

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::codec::CodecKind;
use crate::error::{FramePart, LinkError, Violation};
use crate::frame::{Body, BodyError, Frame, HEADER_LEN, Header, RawHeader};
use crate::limit::{EAGER_RESERVE, LinkLimits};
use crate::staging::Staging;

/// What a reader yields.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Incoming {
    /// A whole frame.
    Frame(Frame),
    /// A frame whose payload is above the limit: it was read past, and the connection is usable.
    Oversized {
        /// The frame without its payload.
        frame: Frame,
        /// How long the payload was.
        payload_len: u32,
        /// The limit.
        limit: u32,
    },
}

/// Reads frames.
#[derive(Debug)]
pub struct FrameReader<R> {
    io: R,
    codec: CodecKind,
    limits: LinkLimits,
    staging: Staging,
    state: State,
}

#[derive(Debug)]
enum State {
    Header,
    Meta { header: Header, meta: BytesMut },
    Payload { frame: Frame, len: usize, payload: BytesMut },
    Skip { frame: Frame, len: u32, left: u32 },
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// A reader of frames that follow a prelude already read.
    pub fn new(io: R, codec: CodecKind, limits: LinkLimits) -> Self {
        Self::resume(io, Staging::new(), codec, limits)
    }

    /// Goes on after a handshake, with what was read beyond the prelude.
    pub(crate) fn resume(io: R, staging: Staging, codec: CodecKind, limits: LinkLimits) -> Self {
        Self { io, codec, limits, staging, state: State::Header }
    }

    /// Replaces the limits, once they are agreed.
    pub(crate) fn set_limits(&mut self, limits: LinkLimits) {
        self.limits = limits;
    }

    /// The next frame, or none when the peer closed between two frames.
    ///
    /// Cancel-safe: what was read stays in the reader. After an error the reader must not be used again.
    ///
    /// # Errors
    /// The transport's error, an end inside a frame, or a violation of the frame format.
    pub async fn next(&mut self) -> Result<Option<Incoming>, LinkError> {
        loop {
            match &mut self.state {
                State::Header => {
                    let Some(raw) = self.staging.take_exact::<HEADER_LEN, _>(&mut self.io).await? else {
                        return match self.staging.len() {
                            0 => Ok(None),
                            have => Err(truncated(FramePart::Header, have, HEADER_LEN)),
                        };
                    };
                    let header = RawHeader::from_bytes(raw).check(&self.limits).map_err(Violation::Header)?;
                    self.state = State::Meta { header, meta: BytesMut::new() };
                }
                State::Meta { header, meta } => {
                    fill(&mut self.io, &mut self.staging, meta, header.meta_len, FramePart::Meta).await?;
                    let body =
                        Body::decode(header.kind, self.codec, meta).map_err(|err| malformed(*header, err))?;
                    let frame = Frame::new(header.call, body, Bytes::new());
                    let len = header.payload_len;
                    self.state = if len > self.limits.max_payload {
                        State::Skip { frame, len, left: len }
                    } else {
                        State::Payload { frame, len: len as usize, payload: BytesMut::new() }
                    };
                }
                State::Payload { len, payload, .. } => {
                    fill(&mut self.io, &mut self.staging, payload, *len, FramePart::Payload).await?;
                    if let State::Payload { mut frame, payload, .. } =
                        std::mem::replace(&mut self.state, State::Header)
                    {
                        frame.payload = payload.freeze();
                        return Ok(Some(Incoming::Frame(frame)));
                    }
                }
                State::Skip { len, left, .. } => {
                    while *left > 0 {
                        let n_skipped = self.staging.skip(*left, &mut self.io).await?;
                        if n_skipped == 0 {
                            return Err(truncated(
                                FramePart::Payload,
                                (*len - *left) as usize,
                                *len as usize,
                            ));
                        }
                        *left -= n_skipped;
                    }
                    if let State::Skip { frame, len, .. } = std::mem::replace(&mut self.state, State::Header)
                    {
                        let limit = self.limits.max_payload;
                        return Ok(Some(Incoming::Oversized { frame, payload_len: len, limit }));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl<R> FrameReader<R> {
    /// Bytes set aside for what is being read.
    pub(crate) fn held(&self) -> usize {
        let body = match &self.state {
            State::Meta { meta, .. } => meta.capacity(),
            State::Payload { payload, .. } => payload.capacity(),
            State::Header | State::Skip { .. } => 0,
        };
        body + self.staging.capacity()
    }
}

/// Brings `into` to `want` bytes. Cancel-safe: everything read is in `into` or in `staging`.
async fn fill<R: AsyncRead + Unpin>(
    io: &mut R,
    staging: &mut Staging,
    into: &mut BytesMut,
    want: usize,
    part: FramePart,
) -> Result<(), LinkError> {
    while into.len() < want {
        let missing = want - into.len();
        let staged = staging.take_up_to(missing);
        if !staged.is_empty() {
            into.put_slice(staged);
            continue;
        }
        // Small rests come through the staging buffer, together with the headers that follow them.
        if missing < staging.capacity() {
            if staging.fill(io).await? == 0 {
                return Err(truncated(part, into.len(), want));
            }
            continue;
        }
        // Only when full, and then by as much again as came: reserving at every read would run ahead of the bytes.
        if into.len() == into.capacity() {
            into.reserve(missing.min(into.len().max(EAGER_RESERVE)));
        }
        let room = into.capacity() - into.len();
        let n_read = match io.read_buf(&mut into.limit(missing.min(room))).await {
            Ok(n_read) => n_read,
            Err(err) => crate::staging::end_or_error(err)?,
        };
        if n_read == 0 {
            return Err(truncated(part, into.len(), want));
        }
    }
    Ok(())
}

fn truncated(part: FramePart, have: usize, want: usize) -> LinkError {
    LinkError::Truncated { part, have, want }
}

fn malformed(header: Header, err: BodyError) -> LinkError {
    let kind = header.kind;
    LinkError::Violation(match err {
        BodyError::Codec(source) => Violation::Meta { kind, source },
        BodyError::Excess(source) => Violation::Excess { kind, source },
    })
}
