//! Programs that the host runs for a plugin: what is asked, what comes back, and who does it.
//! Nothing here starts a process; which programs a plugin may run is said by its permissions.

use std::time::Duration;

use bytes::Bytes;

use crate::permission::Permissions;
use crate::service::{ServiceResult, ServiceScope};

/// One run of a program that is granted. No shell takes part: the arguments arrive as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShellRequest {
    /// A bare name, which the host looks up in its own search path, or an absolute path.
    pub program: String,
    /// The arguments.
    pub args: Vec<String>,
    /// What the program reads.
    pub stdin: Bytes,
    /// The plugin's own bound on the run; what is left of the execution's time holds beside it.
    pub timeout: Option<Duration>,
}

impl ShellRequest {
    /// A program without arguments and input.
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), args: Vec::new(), stdin: Bytes::new(), timeout: None }
    }
}

/// How a program ended and what it printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShellOutput {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// What it printed.
    pub stdout: Bytes,
    /// What it printed as errors.
    pub stderr: Bytes,
}

impl ShellOutput {
    /// A program that exited with a code and printed nothing.
    pub fn exited(code: i32) -> Self {
        Self { code: Some(code), ..Self::default() }
    }
}

/// Runs programs, each confined to what the permissions allow, which are those of the execution that asks.
pub trait ShellService: Send + Sync {
    /// Runs one to its end.
    fn exec<'a>(
        &'a self,
        scope: &'a ServiceScope,
        permissions: &'a Permissions,
        request: ShellRequest,
    ) -> ServiceResult<'a, ShellOutput>;
}
