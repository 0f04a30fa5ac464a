//! A connection whose bytes keep to a rate in each direction, and that fails when it stands still.
//! It knows neither HTTP nor TLS: it lies beneath both, and counts what really goes over the wire.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::admission::SharedRate;

/// Wraps a connection.
pub(super) struct MeteredStream<S> {
    inner: S,
    download: Gate,
    upload: Gate,
    idle_after: Duration,
    idle: Pin<Box<Sleep>>,
}

/// Nothing moved in either direction for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing moved on the connection")]
struct Stalled;

impl<S> MeteredStream<S> {
    pub(super) fn new(inner: S, upload: SharedRate, download: SharedRate, idle_after: Duration) -> Self {
        Self {
            inner,
            download: Gate { rate: download, pause: None },
            upload: Gate { rate: upload, pause: None },
            idle_after,
            idle: Box::pin(sleep(idle_after)),
        }
    }

    /// Bytes moved, or it was the rate that held them back.
    fn moved(&mut self) {
        self.idle.as_mut().reset(Instant::now() + self.idle_after);
    }

    /// Nothing moves at present: pending, or an error if that is so for too long.
    fn poll_stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.idle.as_mut().poll(cx).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, Stalled)))
    }
}

/// Whether an error, or what caused it, is that the connection stood still.
pub(super) fn is_stalled(error: &(dyn std::error::Error + 'static)) -> bool {
    let stalled =
        |error: &io::Error| error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Stalled>);
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.is::<Stalled>() || error.downcast_ref::<io::Error>().is_some_and(stalled))
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let (allowed, waited) = ready!(this.download.poll_take(cx, buf.remaining()));
        if waited {
            this.moved();
        }
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(allowed));
        let result = Pin::new(&mut this.inner).poll_read(cx, &mut part);
        let count = part.filled().len();
        this.download.give_back(allowed - count);
        match result {
            Poll::Ready(Ok(())) => {
                buf.advance(count);
                this.moved();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_stalled(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let (allowed, waited) = ready!(this.upload.poll_take(cx, bytes.len()));
        if waited {
            this.moved();
        }
        let result = Pin::new(&mut this.inner).poll_write(cx, &bytes[..allowed]);
        let count = match &result {
            Poll::Ready(Ok(count)) => *count,
            _ => 0,
        };
        this.upload.give_back(allowed - count);
        match result {
            Poll::Ready(Ok(count)) => {
                this.moved();
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_stalled(cx),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for MeteredStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredStream").field("idle_after", &self.idle_after).finish_non_exhaustive()
    }
}

/// One direction's rate, and the wait for it.
struct Gate {
    rate: SharedRate,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Gate {
    /// How many bytes may pass, at least one, and whether they had to wait.
    fn poll_take(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<(usize, bool)> {
        let Some(rate) = &self.rate else { return Poll::Ready((wanted, false)) };
        let mut paused = false;
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
                paused = true;
            }
            let taken = {
                let mut rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
                rate.take(Instant::now(), wanted as u64)
            };
            match taken {
                Ok(taken) => {
                    return Poll::Ready((usize::try_from(taken).unwrap_or(wanted).min(wanted), paused));
                }
                Err(wait) => self.pause = Some(Box::pin(sleep(wait))),
            }
        }
    }

    fn give_back(&self, unused: usize) {
        if let Some(rate) = self.rate.as_ref().filter(|_| unused > 0) {
            rate.lock().unwrap_or_else(PoisonError::into_inner).give_back(unused as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::http::token_bucket::TokenBucket;

    #[tokio::test(start_paused = true)]
    async fn only_what_moved_counts() {
        let now = Instant::now();
        // A burst of 1000 bytes each.
        let [upload, download] = [(); 2].map(|()| Arc::new(Mutex::new(TokenBucket::new(10_000, now))));
        let (near, mut far) = duplex(100);
        let idle_after = Duration::from_secs(1);
        let mut stream =
            MeteredStream::new(near, Some(Arc::clone(&upload)), Some(Arc::clone(&download)), idle_after);
        assert_eq!(stream.write(&[0; 900]).await.unwrap(), 100);
        // The second write finds no room, and so takes nothing.
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut stream).poll_write(&mut cx, &[0; 900]).is_pending());
        far.write_all(&[0; 50]).await.unwrap();
        assert_eq!(stream.read(&mut [0; 900]).await.unwrap(), 50);
        let left = |rate: &Mutex<TokenBucket>| rate.lock().unwrap().take(now, 1000).ok();
        assert_eq!((left(&upload), left(&download)), (None, None));
        assert_eq!(upload.lock().unwrap().take(now, 900), Ok(900));
        assert_eq!(download.lock().unwrap().take(now, 950), Ok(950));
    }
}
