//! Files of the host's file system, as the handler uses them. Each call is checked by the host against the grants.
//! It opens nothing itself: what the sandbox lets the process open is another matter.

use bytes::Bytes;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::file::{DirEntry, FileStat};
use plugdock_contracts::host_call::{FsCall, HostCall, HostReply};
use serde::de::DeserializeOwned;

use super::Ctx;
use super::service::unexpected;

/// Files of the host's file system.
///
/// A path is absolute, or begins with `workspace`, `artifacts` or `plugin`; any other relative path lies in the workspace. No
/// symbolic link is followed on the way. What is not there is `VALIDATION_ERROR` with the detail `reason` = `not_found`.
#[derive(Debug, Clone)]
pub struct Fs {
    ctx: Ctx,
}

impl Fs {
    pub(super) fn new(ctx: Ctx) -> Self {
        Self { ctx }
    }

    async fn ask(&self, call: FsCall, body: Bytes) -> Result<HostReply, ExecutionError> {
        self.ctx.host(HostCall::Fs(call), body).await
    }

    async fn answer<T: DeserializeOwned>(&self, what: &str, call: FsCall) -> Result<T, ExecutionError> {
        let reply = self.ask(call, Bytes::new()).await?;
        serde_json::from_value(reply.value).map_err(|_other_shape| unexpected(what))
    }

    /// Reads a regular file whole.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `fs.read`, `PAYLOAD_TOO_LARGE` beyond the host's bound, and what the service answers.
    pub async fn read(&self, path: &str) -> Result<Bytes, ExecutionError> {
        Ok(self.ask(FsCall::Read { path: path.to_owned() }, Bytes::new()).await?.body)
    }

    /// Reads a text file whole.
    ///
    /// # Errors
    /// As [`Fs::read`], and `VALIDATION_ERROR` for what is no UTF-8.
    pub async fn read_to_string(&self, path: &str) -> Result<String, ExecutionError> {
        let bytes = self.read(path).await?;
        String::from_utf8(bytes.into())
            .map_err(|error| ExecutionError::from_error(ErrorCode::ValidationError, &error))
    }

    /// Writes a file whole: the old contents or the new are there, never a part.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `fs.write`, `PAYLOAD_TOO_LARGE` beyond the host's bound, and what the service answers.
    pub async fn write(&self, path: &str, contents: impl Into<Bytes>) -> Result<(), ExecutionError> {
        self.ask(FsCall::Write { path: path.to_owned() }, contents.into()).await.map(drop)
    }

    /// What is in a directory, in order; of that, what may be read.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `fs.read`, and what the service answers.
    pub async fn list(&self, path: &str) -> Result<Vec<DirEntry>, ExecutionError> {
        self.answer("fs.list", FsCall::List { path: path.to_owned() }).await
    }

    /// What is there, or `None` if there is nothing.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `fs.read`, and what the service answers.
    pub async fn stat(&self, path: &str) -> Result<Option<FileStat>, ExecutionError> {
        self.answer("fs.stat", FsCall::Stat { path: path.to_owned() }).await
    }

    /// Makes a directory, and those above it as far as the grant reaches; whether it was made.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `fs.write`, and what the service answers.
    pub async fn create_dir(&self, path: &str) -> Result<bool, ExecutionError> {
        self.answer("fs.create_dir", FsCall::CreateDir { path: path.to_owned() }).await
    }

    /// Removes a file or an empty directory; whether it was there.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `fs.write`, and what the service answers.
    pub async fn remove(&self, path: &str) -> Result<bool, ExecutionError> {
        self.answer("fs.remove", FsCall::Remove { path: path.to_owned() }).await
    }

    /// Gives a regular file another name, in the place of a file that has it.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `fs.write` for both, or where a file that may not be read would come to a place
    /// that may, and what the service answers.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), ExecutionError> {
        let call = FsCall::Rename { from: from.to_owned(), to: to.to_owned() };
        self.ask(call, Bytes::new()).await.map(drop)
    }
}
