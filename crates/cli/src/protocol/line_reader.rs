//! Reads lines of bounded length from a stream. It does not know what a line means.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes asked for at a time: a request without a large input comes in one read.
const CHUNK: usize = 16 << 10;

/// Why there is no further line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// The line is longer than it may be.
    #[error("the line is longer than {max} bytes")]
    TooLong {
        /// What was allowed.
        max: usize,
    },
    /// The stream failed.
    #[error("failed to read from the socket")]
    Read(#[source] io::Error),
}

/// Reads lines from a stream.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    stream: R,
    buffer: Vec<u8>,
    /// Up to here the buffer holds no line end.
    scanned: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new(), scanned: 0 }
    }

    /// The next line without its end; `None` when the stream ended. What stands after the last line end is no line.
    ///
    /// Cancel safe: what was read stays for the next call.
    pub(crate) async fn next(&mut self, max: usize) -> Result<Option<Vec<u8>>, LineError> {
        loop {
            if let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
                return self.take(self.scanned + end, max).map(Some);
            }
            self.scanned = self.buffer.len();
            if self.buffer.len() > max {
                return Err(LineError::TooLong { max });
            }
            self.buffer.reserve(CHUNK);
            if self.stream.read_buf(&mut self.buffer).await.map_err(LineError::Read)? == 0 {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, end: usize, max: usize) -> Result<Vec<u8>, LineError> {
        // A line that is alone in the buffer, as requests are, is not copied.
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.pop();
        self.scanned = 0;
        if line.len() > max { Err(LineError::TooLong { max }) } else { Ok(line) }
    }
}
