//! Puts frames on any byte stream, one write for each batch of small frames or one large one.
//! A frame beyond a bound is refused before anything of it is written.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::codec::CodecKind;
use crate::error::{LinkError, SendError};
use crate::frame::{CALL_FIELD, CallId, Frame, HEADER_LEN, Kind, RawHeader};
use crate::limit::{INLINE_PAYLOAD, LinkLimits, MAX_META, MIN_OUTGOING_COST, WRITE_BATCH};

/// Turns frames into bytes under the limits of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder {
    pub(crate) codec: CodecKind,
    pub(crate) limits: LinkLimits,
}

/// A frame ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    pub(crate) call: CallId,
    pub(crate) kind: Kind,
    /// Header and meta.
    head: Vec<u8>,
    payload: Bytes,
}

impl Encoder {
    pub(crate) fn encode(&self, frame: Frame) -> Result<Encoded, SendError> {
        let limit = self.limits.max_payload;
        let payload_len = match u32::try_from(frame.payload.len()) {
            Ok(len) if len <= limit => len,
            _ => return Err(SendError::PayloadTooLarge { len: frame.payload.len() as u64, limit }),
        };
        frame.body.check().map_err(SendError::Field)?;
        let mut head = vec![0; HEADER_LEN];
        frame.body.encode(self.codec, &mut head).map_err(SendError::Codec)?;
        let len = head.len() - HEADER_LEN;
        let meta_len = match u32::try_from(len) {
            Ok(meta_len) if len <= MAX_META => meta_len,
            _ => return Err(SendError::MetaTooLarge { len }),
        };
        let kind = frame.kind();
        let header = RawHeader::new(kind, frame.call, meta_len, payload_len);
        head[..HEADER_LEN].copy_from_slice(&header.to_bytes());
        Ok(Encoded { call: frame.call, kind, head, payload: frame.payload })
    }
}

impl Encoded {
    /// Bytes on the wire.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    #[cfg(test)]
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        [&self.head[..], &self.payload].concat()
    }

    /// Names the call once its id is known.
    pub(crate) fn set_call(&mut self, call: CallId) {
        self.call = call;
        self.head[CALL_FIELD].copy_from_slice(&call.0.to_le_bytes());
    }

    /// What it costs of the outgoing budget.
    pub(crate) fn cost(&self, budget: u32) -> u32 {
        u32::try_from(self.len()).unwrap_or(budget).clamp(MIN_OUTGOING_COST, budget)
    }
}

/// Writes frames.
#[derive(Debug)]
pub struct FrameWriter<W> {
    io: W,
    encoder: Encoder,
    stall: Option<Duration>,
    batch: Vec<u8>,
    tail: Bytes,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// A writer of frames behind a prelude already written.
    pub fn new(io: W, codec: CodecKind, limits: LinkLimits) -> Self {
        Self { io, encoder: Encoder { codec, limits }, stall: None, batch: Vec::new(), tail: Bytes::new() }
    }

    /// Gives up with [`LinkError::Stalled`] when the peer takes no byte for this long.
    #[must_use]
    pub fn with_write_stall(mut self, after: Option<Duration>) -> Self {
        self.stall = after;
        self
    }

    #[cfg(test)]
    pub(crate) fn into_inner(self) -> W {
        self.io
    }

    pub(crate) fn set_limits(&mut self, limits: LinkLimits) {
        self.encoder.limits = limits;
    }

    pub(crate) fn encoder(&self) -> Encoder {
        self.encoder
    }

    /// Writes one frame and flushes. Not cancel-safe: dropped midway, the connection is unusable.
    ///
    /// # Errors
    /// A frame beyond a bound is refused before anything is written; everything else ends the connection.
    pub async fn write(&mut self, frame: Frame) -> Result<(), SendError> {
        let encoded = self.encoder.encode(frame)?;
        self.add(encoded);
        self.flush().await.map_err(SendError::Link)
    }

    /// Puts bytes that are no frame in front of the next flush.
    pub(crate) fn add_raw(&mut self, bytes: &[u8]) {
        self.batch.extend_from_slice(bytes);
    }

    /// Adds a frame to the batch; true as long as another small one may follow before the flush.
    pub(crate) fn add(&mut self, frame: Encoded) -> bool {
        debug_assert!(self.tail.is_empty(), "the batch was flushed after its large frame");
        self.batch.extend_from_slice(&frame.head);
        if frame.payload.len() <= INLINE_PAYLOAD {
            self.batch.extend_from_slice(&frame.payload);
            self.batch.len() < WRITE_BATCH
        } else {
            self.tail = frame.payload;
            false
        }
    }

    /// Writes the batch, as one write where the transport takes it whole.
    pub(crate) async fn flush(&mut self) -> Result<(), LinkError> {
        let mut batch = &self.batch[..];
        while !(batch.is_empty() && self.tail.is_empty()) {
            let slices = [IoSlice::new(batch), IoSlice::new(&self.tail)];
            let n_written = bounded(self.stall, self.io.write_vectored(&slices)).await?;
            if n_written == 0 {
                return Err(LinkError::Write(Arc::new(io::ErrorKind::WriteZero.into())));
            }
            let n_batch = n_written.min(batch.len());
            batch.advance(n_batch);
            self.tail.advance(n_written - n_batch);
        }
        self.tail = Bytes::new();
        self.batch.clear();
        self.batch.shrink_to(WRITE_BATCH);
        bounded(self.stall, self.io.flush()).await
    }

    /// Closes the writing half after everything was flushed.
    pub(crate) async fn shutdown(&mut self) -> Result<(), LinkError> {
        bounded(self.stall, self.io.shutdown()).await
    }
}

async fn bounded<T>(
    after: Option<Duration>,
    io: impl Future<Output = io::Result<T>>,
) -> Result<T, LinkError> {
    let done = match after {
        None => io.await,
        Some(after) => match tokio::time::timeout(after, io).await {
            Ok(done) => done,
            Err(_elapsed) => return Err(LinkError::Stalled { after }),
        },
    };
    done.map_err(|err| LinkError::Write(Arc::new(err)))
}
