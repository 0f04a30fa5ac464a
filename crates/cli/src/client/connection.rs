//! A connection to a server: requests out, answers in, and every way in which it can fail in words.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use plugdock_contracts::{ErrorCode, ExecutionError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::protocol::{LineError, LineReader, Reply, Request};
use crate::serve::{admits, own_uid};

/// Bytes of one line of an answer. The server is the user's own, so this only keeps a mistake from filling the memory.
const MAX_REPLY: usize = 1 << 30;

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Connection {
    lines: LineReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    path: PathBuf,
}

impl Connection {
    /// Connects, and makes sure that the server is this user's or root's: it will get inputs and file names.
    pub(crate) async fn open(path: &Path) -> Result<Self, ExecutionError> {
        let stream = UnixStream::connect(path).await.map_err(|error| unreachable(path, &error))?;
        let peer = stream.peer_cred().and_then(|peer| Ok((peer.uid(), own_uid()?)));
        let (server, own) = peer.map_err(|error| unreachable(path, &error))?;
        if !admits(own, server) {
            let message = format!("the server at `{}` belongs to user {server}", path.display());
            return Err(ExecutionError::new(ErrorCode::PermissionDenied, message)
                .with_help("start a server of your own with `plugdock serve`"));
        }
        Ok(Self::over(stream, path))
    }

    /// A connection that is there already.
    pub(crate) fn over(stream: UnixStream, path: &Path) -> Self {
        let (read, write) = stream.into_split();
        Self { lines: LineReader::new(read), write, path: path.to_owned() }
    }

    /// Sends a request.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<(), ExecutionError> {
        // One that refuses closes before it has read everything, and says why: the reason is read as the answer.
        self.write.write_all(&request.to_line()).await.or_else(|error| match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Ok(()),
            _ => Err(self.lost(&error)),
        })
    }

    /// Says something while a call runs.
    pub(crate) async fn say<T: Serialize>(&mut self, document: &T) {
        let mut line = serde_json::to_vec(document).unwrap_or_default();
        line.push(b'\n');
        // A server that is gone is noticed by the answer that does not come.
        self.write.write_all(&line).await.ok();
    }

    /// The next line of the answer. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Reply, ExecutionError> {
        match self.lines.next(MAX_REPLY).await {
            Ok(Some(line)) => Reply::parse(&line).map_err(|why| self.strange(&why)),
            Ok(None) => Err(self.lost(&ErrorKind::UnexpectedEof.into())),
            Err(LineError::Read(error)) => Err(self.lost(&error)),
            Err(error @ LineError::TooLong { .. }) => Err(self.strange(&error.to_string())),
        }
    }

    /// Asks, and reads the one line that answers.
    pub(crate) async fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, ExecutionError> {
        self.send(request).await?;
        loop {
            match self.next().await? {
                // An event that this version does not know of is not what was asked for.
                Reply::Event(_) => {}
                Reply::Done(done) => return self.read(done.get()),
                Reply::Error(error) => return Err(error),
            }
        }
    }

    /// Reads a part of an answer.
    pub(crate) fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, ExecutionError> {
        serde_json::from_str(text).map_err(|error| self.strange(&error.to_string()))
    }

    fn lost(&self, error: &io::Error) -> ExecutionError {
        let message = format!("the server at `{}` ended before it answered", self.path.display());
        ExecutionError::new(ErrorCode::NoHostAvailable, message)
            .with_chain(vec![error.to_string()])
            .with_help("what it said last is where `plugdock serve` runs")
    }

    fn strange(&self, why: &str) -> ExecutionError {
        let message =
            format!("the server at `{}` answers what is not understood: {why}", self.path.display());
        ExecutionError::new(ErrorCode::ProtocolViolation, message)
            .with_help("use the same version of plugdock for both, and restart the server after an update")
    }
}

fn unreachable(path: &Path, error: &io::Error) -> ExecutionError {
    let message = match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            format!("no server listens at `{}`", path.display())
        }
        _ => format!("failed to connect to `{}`: {error}", path.display()),
    };
    ExecutionError::new(ErrorCode::NoHostAvailable, message)
        .with_help("start one with `plugdock serve`, or name its socket with --socket")
}
