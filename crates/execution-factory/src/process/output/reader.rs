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
            // Read past the runtime: it may not have heard yet of what is in the pipe, and would say that nothing is.
            match nix::unistd::read(&self.pipe, &mut self.chunk) {
                Ok(count @ 1..) if !self.ended => {
                    self.collector.feed(&self.chunk[..count], Instant::now(), &mut lines);
                }
                _ => break,
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
