//! Lines on their way to a client, bounded by whoever asks whether there is room before it puts more in.
//! It writes when it is polled and at no other time.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// Bytes that may wait before nothing more is taken on: a client that reads is never this far behind.
const ROOM: usize = 1 << 20;

/// Lines on their way.
#[derive(Debug)]
pub(crate) struct Outbox<W> {
    stream: W,
    waiting: Vec<u8>,
    written: usize,
}

impl<W: AsyncWrite + Unpin> Outbox<W> {
    pub(crate) fn new(stream: W) -> Self {
        Self { stream, waiting: Vec::new(), written: 0 }
    }

    /// Whether the client keeps up.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() - self.written < ROOM
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.len() == self.written
    }

    /// Puts a line in.
    pub(crate) fn put(&mut self, line: &[u8]) {
        // What is written is let go as soon as moving the rest costs less than was written.
        if self.written > self.waiting.len() / 2 {
            self.waiting.drain(..self.written);
            self.written = 0;
        }
        self.waiting.extend_from_slice(line);
    }

    /// Writes a part of what waits. Cancel safe: what was written is known.
    pub(crate) async fn write_some(&mut self) -> io::Result<()> {
        let written = self.stream.write(&self.waiting[self.written..]).await?;
        if written == 0 && !self.is_empty() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.written += written;
        if self.is_empty() {
            // What a large answer took is given back.
            self.waiting = Vec::new();
            self.written = 0;
        }
        Ok(())
    }

    /// Writes all that waits. Cancel safe.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        while !self.is_empty() {
            self.write_some().await?;
        }
        Ok(())
    }
}
