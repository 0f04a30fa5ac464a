//! The fixed buffer between the transport and the frame reader: several small frames cost one read.
//! It never grows.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::LinkError;
use crate::limit::READ_CHUNK;

#[derive(Debug)]
pub(crate) struct Staging {
    buf: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Staging {
    pub(crate) fn new() -> Self {
        Self { buf: vec![0; READ_CHUNK].into_boxed_slice(), start: 0, end: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// What is waiting.
    pub(crate) fn peek(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    /// Takes what is waiting, at most `max` bytes.
    pub(crate) fn take_up_to(&mut self, max: usize) -> &[u8] {
        let n_taken = self.len().min(max);
        self.start += n_taken;
        &self.buf[self.start - n_taken..self.start]
    }

    /// Reads once; zero means that the peer closed. Cancel-safe.
    pub(crate) async fn fill<R: AsyncRead + Unpin>(&mut self, io: &mut R) -> Result<usize, LinkError> {
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let n_read = match io.read(&mut self.buf[self.end..]).await {
            Ok(n_read) => n_read,
            Err(err) => end_or_error(err)?,
        };
        self.end += n_read;
        Ok(n_read)
    }

    /// Exactly `N` bytes, or none when the peer closed before; what came stays. Cancel-safe.
    pub(crate) async fn take_exact<const N: usize, R: AsyncRead + Unpin>(
        &mut self,
        io: &mut R,
    ) -> Result<Option<[u8; N]>, LinkError> {
        while self.len() < N {
            if self.fill(io).await? == 0 {
                return Ok(None);
            }
        }
        let mut out = [0; N];
        out.copy_from_slice(self.take_up_to(N));
        Ok(Some(out))
    }

    /// Throws away up to `max` bytes, reading once if nothing waits; zero means that the peer closed. Cancel-safe.
    pub(crate) async fn skip<R: AsyncRead + Unpin>(
        &mut self,
        max: u32,
        io: &mut R,
    ) -> Result<u32, LinkError> {
        if self.len() == 0 {
            self.fill(io).await?;
        }
        let n_skipped = self.take_up_to(max as usize).len();
        Ok(u32::try_from(n_skipped).unwrap_or(max))
    }
}

/// A reset is how a Unix socket says that the peer closed without reading everything: an end, not a fault of its own.
pub(crate) fn end_or_error(err: io::Error) -> Result<usize, LinkError> {
    match err.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(0),
        _ => Err(LinkError::Read(Arc::new(err))),
    }
}
