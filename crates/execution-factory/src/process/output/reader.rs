//! Reads one output pipe of a worker all the time, so that the worker never waits for it.
//! What a read gives is bounded, whatever the worker writes.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::unix::pipe;

use super::budget::{Allowance, ForwardLimits};
use super::collector::OutputCollector;
use super::line::OutputLine;

/// One read: what a pipe holds by default.
const CHUNK: usize = 64 * 1024;

/// Most reads of one drain: 1 MiB is the most that a pipe can hold for an ordinary user, and
/// whoever still writes meanwhile is not waited for.
pub(crate) const DRAIN_CHUNKS: usize = 16;

/// A worker's output as bounded, printable lines.
#[derive(Debug)]
pub struct OutputReader {
    pipe: Arc<pipe::Receiver>,
    collector: OutputCollector,
    chunk: Box<[u8]>,
    ended: bool,
}

impl OutputReader {
    /// Reads `pipe` within `limits`.
    pub fn new(pipe: pipe::Receiver, limits: ForwardLimits) -> Self {
        let collector = OutputCollector::new(limits, Instant::now());
        Self { pipe: Arc::new(pipe), collector, chunk: vec![0; CHUNK].into_boxed_slice(), ended: false }
    }

    /// Waits for output and gives the lines it finished, which may be none. `None` is the end of the output.
    ///
    /// Cancel safe: a dropped future has read nothing.
    pub async fn next(&mut self) -> Option<Vec<OutputLine>> {
        let readiness = self.readiness();
        while !self.ended {
            let waited = readiness.wait().await;
            let mut lines = Vec::new();
            if waited.is_err() {
                self.ended = true;
                lines.extend(self.collector.finish());
            }
            if self.read_now(&mut lines) || !lines.is_empty() {
                return Some(lines);
            }
        }
        None
    }

    /// Waits for output beside the reader, for an owner that shares the reader behind a lock.
    pub fn readiness(&self) -> OutputReadiness {
        OutputReadiness(Arc::clone(&self.pipe))
    }

    /// Whether the end of the output was read.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Reads once what is there now and appends the lines it finished; at the end of the output the unfinished one too.
    /// Answers whether there was anything.
    pub fn read_now(&mut self, lines: &mut Vec<OutputLine>) -> bool {
        if self.ended {
            return false;
        }
        let read = match self.pipe.try_read(&mut self.chunk) {
            // Read past the runtime: it may not have heard yet of what is in the pipe, and would say that nothing is.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                nix::unistd::read(&*self.pipe, &mut self.chunk).map_err(io::Error::from)
            }
            read => read,
        };
        match read {
            Ok(count @ 1..) => {
                self.collector.feed(&self.chunk[..count], Instant::now(), lines);
                true
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                false
            }
            Ok(_) | Err(_) => {
                self.ended = true;
                lines.extend(self.collector.finish());
                false
            }
        }
    }

    /// Reads what is there now, without waiting for more or for the end, and gives the unfinished line too.
    pub fn drain_now(&mut self) -> Vec<OutputLine> {
        let mut lines = Vec::new();
        for _ in 0..DRAIN_CHUNKS {
            if !self.read_now(&mut lines) {
                break;
            }
        }
        lines.extend(self.collector.finish());
        lines
    }

    /// See [`OutputCollector::turn_to`].
    pub fn turn_to(&mut self, next: Allowance) -> (Allowance, Option<OutputLine>) {
        self.collector.turn_to(next)
    }

    /// What was kept and counted.
    pub const fn collector(&self) -> &OutputCollector {
        &self.collector
    }
}

/// Waits for output without holding its reader.
#[derive(Clone, Debug)]
pub struct OutputReadiness(Arc<pipe::Receiver>);

impl OutputReadiness {
    /// Resolves when a read is worth trying: there is output, or its end.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// The runtime that watches the pipe is gone, and there will be nothing to wait for.
    pub async fn wait(&self) -> io::Result<()> {
        self.0.readable().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn last_words_are_read_even_before_the_runtime_heard_of_them() {
        let (writer, reader) = pipe::pipe().unwrap();
        let mut reader = OutputReader::new(reader, ForwardLimits::default());
        nix::unistd::write(&writer, b"last words\nhalf a line").unwrap();
        let lines: Vec<_> = reader.drain_now().into_iter().map(|line| line.text).collect();
        assert_eq!(lines, ["last words", "half a line"]);
    }
}
