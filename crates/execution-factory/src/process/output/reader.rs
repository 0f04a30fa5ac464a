//! Reads one output pipe of a worker all the time, so that the worker never waits for it.
//! What a read gives is bounded, whatever the worker writes.

use std::io;
use std::time::Instant;

use tokio::net::unix::pipe;

use super::budget::ForwardLimits;
use super::collector::OutputCollector;
use super::line::OutputLine;

/// One read: what a pipe holds by default.
const CHUNK: usize = 64 * 1024;

/// Most reads of one [`OutputReader::drain_now`]: 1 MiB is the most that a pipe can hold for an ordinary user, and
/// whoever still writes meanwhile is not waited for.
const DRAIN_CHUNKS: usize = 16;

/// A worker's output as bounded, printable lines.
#[derive(Debug)]
pub struct OutputReader {
    pipe: pipe::Receiver,
    collector: OutputCollector,
    chunk: Box<[u8]>,
    ended: bool,
}

impl OutputReader {
    /// Reads `pipe` within `limits`.
    pub fn new(pipe: pipe::Receiver, limits: ForwardLimits) -> Self {
        let collector = OutputCollector::new(limits, Instant::now());
        Self { pipe, collector, chunk: vec![0; CHUNK].into_boxed_slice(), ended: false }
    }

    /// Waits for output and gives the lines it finished, which may be none. `None` is the end of the output.
    ///
    /// Cancel safe: a dropped future has read nothing.
    pub async fn next(&mut self) -> Option<Vec<OutputLine>> {
        loop {
            if self.ended {
                return None;
            }
            if self.pipe.readable().await.is_err() {
                self.ended = true;
                return self.last();
            }
            let mut lines = Vec::new();
            match self.read_once(&mut lines) {
                Ok(0) => {
                    self.ended = true;
                    return self.last();
                }
                Ok(_) => return Some(lines),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    self.ended = true;
                    return self.last();
                }
            }
        }
    }

    /// Reads what is there now, without waiting for more or for the end, and gives the unfinished line too.
    pub fn drain_now(&mut self) -> Vec<OutputLine> {
        let mut lines = Vec::new();
        for _ in 0..DRAIN_CHUNKS {
            if self.ended || !matches!(self.read_once(&mut lines), Ok(1..)) {
                break;
            }
        }
        lines.extend(self.collector.finish());
        lines
    }

    /// Begins the next execution of the same worker.
    pub fn begin_execution(&mut self) {
        self.collector.begin_execution(Instant::now());
    }

    /// What was kept and counted.
    pub const fn collector(&self) -> &OutputCollector {
        &self.collector
    }

    fn read_once(&mut self, lines: &mut Vec<OutputLine>) -> io::Result<usize> {
        let count = self.pipe.try_read(&mut self.chunk)?;
        self.collector.feed(&self.chunk[..count], Instant::now(), lines);
        Ok(count)
    }

    fn last(&mut self) -> Option<Vec<OutputLine>> {
        self.collector.finish().map(|line| vec![line])
    }
}
