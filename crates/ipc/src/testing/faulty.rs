//! A reader and a writer that pass bytes on in pieces of a planned size and then fail in a planned way.
//! They wrap any stream, so that a test can break a connection at every offset.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What happens after the planned number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: all bytes pass.
    None,
    /// End of file; writing breaks the pipe.
    Eof,
    /// The connection is reset.
    Reset,
    /// Nothing ever comes, and nothing is ever taken, again.
    Silence,
}

/// Where a fault stands.
#[derive(Debug)]
struct Plan {
    n_left: usize,
    n_piece: usize,
    fault: Fault,
}

impl Plan {
    /// How many bytes may pass now; none when the fault is due.
    fn allowed(&self) -> Option<usize> {
        match self.fault {
            Fault::None => Some(self.n_piece),
            _ if self.n_left == 0 => None,
            _ => Some(self.n_piece.min(self.n_left)),
        }
    }

    fn passed(&mut self, n_bytes: usize) {
        self.n_left = self.n_left.saturating_sub(n_bytes);
    }
}

/// A reader with a fault.
#[derive(Debug)]
pub struct FaultyReader<R> {
    io: R,
    plan: Plan,
}

impl<R> FaultyReader<R> {
    /// Passes `n_bytes`, then fails.
    pub fn new(io: R, n_bytes: usize, fault: Fault) -> Self {
        Self { io, plan: Plan { n_left: n_bytes, n_piece: usize::MAX, fault } }
    }

    /// Passes everything, at most `n_piece` bytes at a time.
    pub fn in_pieces(io: R, n_piece: usize) -> Self {
        Self { io, plan: Plan { n_left: 0, n_piece, fault: Fault::None } }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for FaultyReader<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(allowed) = this.plan.allowed() else {
            return match this.plan.fault {
                Fault::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                // Nobody will wake the reader: that is what silence is.
                Fault::Silence => Poll::Pending,
                Fault::None | Fault::Eof => Poll::Ready(Ok(())),
            };
        };
        let mut piece = vec![0; allowed.min(out.remaining())];
        let mut buf = ReadBuf::new(&mut piece);
        match Pin::new(&mut this.io).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) => {
                this.plan.passed(buf.filled().len());
                out.put_slice(buf.filled());
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }
}

/// A writer with a fault.
#[derive(Debug)]
pub struct FaultyWriter<W> {
    io: W,
    plan: Plan,
}

impl<W> FaultyWriter<W> {
    /// Takes `n_bytes`, then fails.
    pub fn new(io: W, n_bytes: usize, fault: Fault) -> Self {
        Self { io, plan: Plan { n_left: n_bytes, n_piece: usize::MAX, fault } }
    }

    /// Takes everything, at most `n_piece` bytes at a time.
    pub fn in_pieces(io: W, n_piece: usize) -> Self {
        Self { io, plan: Plan { n_left: 0, n_piece, fault: Fault::None } }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for FaultyWriter<W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(allowed) = this.plan.allowed() else {
            return match this.plan.fault {
                Fault::Silence => Poll::Pending,
                Fault::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Fault::None | Fault::Eof => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            };
        };
        let written = Pin::new(&mut this.io).poll_write(cx, &bytes[..bytes.len().min(allowed)]);
        if let Poll::Ready(Ok(n_bytes)) = written {
            this.plan.passed(n_bytes);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
