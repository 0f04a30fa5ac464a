//! Programs of the host, as the handler has them run: without a shell, and confined by the host.
//! It starts no process itself.

use bytes::Bytes;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::host_call::{HostCall, ShellCall};
use plugdock_contracts::shell::{ShellOutput, ShellRequest};
use serde::Deserialize;

use super::Ctx;
use super::service::{millis, unexpected};

/// Programs of the host.
#[derive(Debug, Clone)]
pub struct Shell {
    ctx: Ctx,
}

/// The small part of an answer. What a newer host adds to it is not read.
#[derive(Deserialize)]
struct Head {
    code: Option<i32>,
    signal: Option<i32>,
    stdout_bytes: usize,
}

impl Shell {
    pub(super) fn new(ctx: Ctx) -> Self {
        Self { ctx }
    }

    /// Runs a program with arguments, which arrive as they are, and waits for it. Every exit code is an answer, not an error.
    ///
    /// # Errors
    /// As [`Shell::run`].
    pub async fn exec<S: Into<String>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Result<ShellOutput, ExecutionError> {
        let mut request = ShellRequest::new(program);
        request.args = args.into_iter().map(Into::into).collect();
        self.run(request).await
    }

    /// Runs a program with what it reads and a bound of its own.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `shell.exec`, `UNSUPPORTED` when the host runs none, and what the service answers.
    pub async fn run(&self, request: ShellRequest) -> Result<ShellOutput, ExecutionError> {
        let call = ShellCall::Exec {
            program: request.program,
            args: request.args,
            timeout_ms: request.timeout.map(millis),
        };
        let reply = self.ctx.host(HostCall::Shell(call), request.stdin).await?;
        let unexpected = || unexpected("shell.exec");
        let head: Head = serde_json::from_value(reply.value).map_err(|_other_shape| unexpected())?;
        let (mut stdout, mut output) = (reply.body, ShellOutput::default());
        if head.stdout_bytes > stdout.len() {
            return Err(unexpected());
        }
        let stderr: Bytes = stdout.split_off(head.stdout_bytes);
        (output.code, output.signal, output.stdout, output.stderr) = (head.code, head.signal, stdout, stderr);
        Ok(output)
    }
}
