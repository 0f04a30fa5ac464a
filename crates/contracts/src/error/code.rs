//! The stable error codes and everything that hangs on a code alone: whose fault, retryable, HTTP status, exit code.
//! A code is never renamed and never changes meaning; `docs/errors.md` has one row for each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Fault {
    /// The plugin's author.
    Plugin,
    /// The host's operator.
    Host,
    /// Whoever sent the request.
    Caller,
}

impl Fault {
    /// `plugin`, `host` or `caller`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Host => "host",
            Self::Caller => "caller",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What hangs on a code alone.
struct Row {
    code: ErrorCode,
    text: &'static str,
    retryable: bool,
    fault: Fault,
    http: u16,
    exit: u8,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal $retry:literal $fault:ident $http:literal $exit:literal;)*) => {
        /// A stable code. Its text never changes; a code that this version does not know is kept as [`ErrorCode::Unknown`].
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
            /// A code from a newer peer, or a handler's own.
            Unknown(String),
        }

        const ROWS: &[Row] = &[
            $(Row { code: ErrorCode::$name, text: $text, retryable: $retry, fault: Fault::$fault, http: $http, exit: $exit },)*
        ];
    };
}

// Exit codes: 2 for a wrong command line or configuration, 64-78 after sysexits.h where one fits, 100 and up otherwise.
codes! {
    /// The plugin has no handler of that name, or no such plugin is known.
    HandlerNotFound "HANDLER_NOT_FOUND" false Caller 404 66;
    /// A step took longer than it may; the step is in the error.
    Timeout "TIMEOUT" true Plugin 504 75;
    /// A permission that the call needs was not granted.
    PermissionDenied "PERMISSION_DENIED" false Plugin 403 77;
    /// The queue of waiting executions is at its bound.
    QueueFull "QUEUE_FULL" true Host 429 100;
    /// The worker died while it ran the execution; the cause is in the error.
    WorkerCrashed "WORKER_CRASHED" true Plugin 500 101;
    /// The caller cancelled.
    Aborted "ABORTED" false Caller 499 130;
    /// No worker became free in time.
    AcquireTimeout "ACQUIRE_TIMEOUT" true Host 503 102;
    /// The worker does not answer its health check.
    WorkerUnhealthy "WORKER_UNHEALTHY" true Plugin 503 103;
    /// The handler answered with an error.
    HandlerError "HANDLER_ERROR" false Plugin 500 1;
    /// The handler panicked.
    HandlerPanic "HANDLER_PANIC" false Plugin 500 104;
    /// The plugin broke the contract between runtime and handler.
    HandlerContractError "HANDLER_CONTRACT_ERROR" false Plugin 500 105;
    /// The request, the input or the configuration is not acceptable.
    ValidationError "VALIDATION_ERROR" false Caller 400 65;
    /// A workspace could not be made, used or collected.
    WorkspaceError "WORKSPACE_ERROR" true Host 500 73;
    /// A worker's process could not be started.
    SpawnFailed "SPAWN_FAILED" true Host 500 71;
    /// A worker was started but did not introduce itself properly.
    HandshakeFailed "HANDSHAKE_FAILED" true Plugin 500 106;
    /// Host and worker speak no common protocol version.
    ProtocolMismatch "PROTOCOL_MISMATCH" false Plugin 500 107;
    /// The worker sent what the protocol forbids.
    ProtocolViolation "PROTOCOL_VIOLATION" false Plugin 500 76;
    /// An input, result or chunk is larger than allowed.
    PayloadTooLarge "PAYLOAD_TOO_LARGE" false Caller 413 108;
    /// A resource ran out; which one is in the error.
    ResourceExhausted "RESOURCE_EXHAUSTED" true Plugin 503 109;
    /// The workspace is over its limit.
    StorageExceeded "STORAGE_EXCEEDED" false Plugin 507 110;
    /// This machine cannot give the isolation that is demanded.
    InsufficientIsolation "INSUFFICIENT_ISOLATION" false Host 501 111;
    /// The plugin crashed too often and is not started for a while.
    Quarantined "QUARANTINED" true Plugin 503 112;
    /// The backend is stopping and takes no more executions.
    ShuttingDown "SHUTTING_DOWN" true Host 503 113;
    /// No host can take the execution.
    NoHostAvailable "NO_HOST_AVAILABLE" true Host 503 69;
    /// The execution's target names nothing that exists.
    TargetInvalid "TARGET_INVALID" false Caller 400 114;
    /// It cannot be done here; the reason is in the text.
    Unsupported "UNSUPPORTED" false Host 501 115;
    /// Something failed that has no code of its own: a defect of this project.
    UnknownError "UNKNOWN_ERROR" false Host 500 70;
}

impl ErrorCode {
    /// Every code that this version knows, in the order of `docs/errors.md`.
    pub fn known() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.code.clone())
    }

    fn row(&self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.code == *self)
    }

    /// The stable text, for example `TIMEOUT`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unknown(text) => text,
            known => known.row().map_or("UNKNOWN_ERROR", |row| row.text),
        }
    }

    /// Whether the same request may succeed later. An unknown code is not.
    pub fn is_retryable(&self) -> bool {
        self.row().is_some_and(|row| row.retryable)
    }

    /// Who has to act. An unknown code comes from a plugin.
    pub fn fault(&self) -> Fault {
        self.row().map_or(Fault::Plugin, |row| row.fault)
    }

    /// The status of an HTTP answer.
    pub fn http_status(&self) -> u16 {
        self.row().map_or(500, |row| row.http)
    }

    /// The exit code of the command line.
    pub fn exit_code(&self) -> u8 {
        self.row().map_or(1, |row| row.exit)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<String> for ErrorCode {
    fn from(text: String) -> Self {
        ROWS.iter().find(|row| row.text == text).map_or(Self::Unknown(text), |row| row.code.clone())
    }
}

impl From<ErrorCode> for String {
    fn from(code: ErrorCode) -> Self {
        code.as_str().to_owned()
    }
}

impl FromStr for ErrorCode {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_survives_its_text() {
        for code in ErrorCode::known() {
            assert_eq!(ErrorCode::from(code.as_str().to_owned()), code);
            assert!(code.as_str().bytes().all(|b| b.is_ascii_uppercase() || b == b'_'));
        }
    }

    #[test]
    fn a_code_from_a_newer_peer_is_kept() {
        let code = ErrorCode::from("LUNAR_PHASE".to_owned());
        assert_eq!(code, ErrorCode::Unknown("LUNAR_PHASE".to_owned()));
        assert_eq!((code.as_str(), code.is_retryable(), code.exit_code()), ("LUNAR_PHASE", false, 1));
        assert!(
            matches!(ErrorCode::from("timeout".to_owned()), ErrorCode::Unknown(_)),
            "codes are upper case"
        );
    }

    #[test]
    fn exit_codes_tell_codes_apart() {
        let exits: HashSet<_> = ErrorCode::known().map(|code| code.exit_code()).collect();
        assert_eq!(exits.len(), ErrorCode::known().count());
        assert!(!exits.contains(&0) && !exits.contains(&2), "0 is success, 2 a wrong command line");
    }

    #[test]
    fn the_codes_its_users_know_keep_their_http_status() {
        for (text, status) in [
            ("TIMEOUT", 504),
            ("ABORTED", 499),
            ("PERMISSION_DENIED", 403),
            ("HANDLER_NOT_FOUND", 404),
            ("VALIDATION_ERROR", 400),
            ("QUEUE_FULL", 429),
            ("ACQUIRE_TIMEOUT", 503),
            ("WORKER_UNHEALTHY", 503),
            ("HANDLER_CONTRACT_ERROR", 500),
            ("WORKER_CRASHED", 500),
        ] {
            assert_eq!(ErrorCode::from(text.to_owned()).http_status(), status, "{text}");
        }
    }
}
