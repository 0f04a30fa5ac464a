//! One connection: requests one after another, each answered before the next is read.
//! It is generic over its stream; who is at the other end was checked before.

use std::io;
use std::time::Duration;

use plugdock_contracts::{ErrorCode, ExecutionError};
use tokio::io::{AsyncRead, AsyncWrite};

use super::call::call;
use super::outbox::Outbox;
use super::shared::Shared;
use crate::protocol::{
    CallControl, LineError, LineReader, LogsDone, LogsQuery, PsDone, ReloadDone, Request, ResizeDone,
    StatsDone, done_line, error_line,
};

/// Time in which a client must have sent its next request: a connection that says nothing holds a place for nothing.
const REQUEST_WITHIN: Duration = Duration::from_secs(30);

/// Log records that are put on their way at a time.
const BATCH: usize = 256;

/// A line that a client may send while it follows the log: there is none, so this only bounds what is read to notice its end.
const MAX_UNASKED: usize = 4 << 10;

/// A connection.
pub(crate) struct Session<'s, R, W> {
    shared: &'s Shared,
    lines: LineReader<R>,
    outbox: Outbox<W>,
}

impl<'s, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Session<'s, R, W> {
    pub(crate) fn new(shared: &'s Shared, read: R, write: W) -> Self {
        Self { shared, lines: LineReader::new(read), outbox: Outbox::new(write) }
    }

    /// Serves until the client or the server ends it.
    pub(crate) async fn run(mut self) {
        // A client that went away has nobody to be told.
        while let Ok(true) = self.serve_one().await {}
    }

    /// Serves one request. Answers whether there may be another.
    async fn serve_one(&mut self) -> io::Result<bool> {
        let read = tokio::select! {
            read = tokio::time::timeout(REQUEST_WITHIN, self.lines.next(self.shared.max_request)) => read,
            _report = self.shared.ended() => return Ok(false),
        };
        match read {
            Ok(Ok(Some(line))) => match Request::parse(&line) {
                Ok(request) => {
                    // A large input is in the request now, and need not be held twice while it runs.
                    drop(line);
                    self.answer(request).await
                }
                // It crossed the end of the call that it was meant for.
                Err(_late) if CallControl::parse(&line).is_some() => Ok(true),
                Err(error) => self.end(&error_line(&error)).await,
            },
            Ok(Ok(None)) => Ok(false),
            Ok(Err(LineError::Read(error))) => Err(error),
            Ok(Err(LineError::TooLong { max })) => {
                self.end(&error_line(&too_long(max))).await?;
                Ok(false)
            }
            Err(_elapsed) => {
                self.end(&error_line(&silent())).await?;
                Ok(false)
            }
        }
    }

    async fn answer(&mut self, request: Request) -> io::Result<bool> {
        let backend = &self.shared.backend;
        let line = match request {
            Request::Call(request) => {
                return call(self.shared, *request, &mut self.lines, &mut self.outbox).await;
            }
            Request::Logs(query) => return self.logs(&query).await,
            Request::Ps => done_line(&PsDone { workers: backend.workers() }),
            Request::Stats => done_line(&StatsDone {
                server: self.shared.facts(),
                backend: backend.kind(),
                stats: backend.stats(),
                workers: backend.workers(),
            }),
            Request::Health => done_line(&backend.health().await),
            Request::Resize { min, max } => match backend.resize(min, max) {
                Ok(()) => done_line(&ResizeDone { min, max }),
                Err(error) => error_line(&error),
            },
            Request::Reload { plugin } => match backend.reload(plugin.as_ref()).await {
                Ok(reloaded) => done_line(&ReloadDone { reloaded }),
                Err(error) => error_line(&error),
            },
            Request::Drain { within } => {
                let report = self.shared.stop(within).await;
                self.end(&done_line(&report)).await?;
                return Ok(false);
            }
        };
        self.end(&line).await
    }

    /// Sends the latest records, and those that come if the client follows.
    async fn logs(&mut self, query: &LogsQuery) -> io::Result<bool> {
        let (ring, plugin) = (&self.shared.ring, query.plugin.as_ref());
        let mut from = ring.start_of_last(query.last, plugin);
        let mut done = LogsDone::default();
        let until = ring.start_of_last(0, None);
        loop {
            let batch = ring.read(from, BATCH, plugin);
            from = batch.next;
            done.missed += batch.missed;
            done.sent += batch.lines.len() as u64;
            batch.lines.iter().for_each(|line| self.outbox.put(line));
            self.outbox.flush().await?;
            if !query.follow && from >= until {
                break;
            }
            tokio::select! {
                () = ring.reaches(from) => {}
                _report = self.shared.ended() => break,
                // It closed, or it sends what it may not: the end in both cases.
                _line = self.lines.next(MAX_UNASKED), if query.follow => return Ok(false),
            }
        }
        self.end(&done_line(&done)).await
    }

    /// Sends the last line of an answer.
    async fn end(&mut self, line: &[u8]) -> io::Result<bool> {
        self.outbox.put(line);
        self.outbox.flush().await?;
        Ok(true)
    }
}

fn too_long(max: usize) -> ExecutionError {
    let message = format!("the request is longer than {max} bytes");
    ExecutionError::new(ErrorCode::PayloadTooLarge, message)
        .with_help("send large data as a file of the workspace, or raise limits.payload of the server")
}

fn silent() -> ExecutionError {
    let message = format!("no request came within {} s", REQUEST_WITHIN.as_secs());
    ExecutionError::new(ErrorCode::Timeout, message).with_limit(REQUEST_WITHIN)
}
