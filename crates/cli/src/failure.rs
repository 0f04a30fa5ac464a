//! Why a command failed: the exit code it ends with, and how it is shown to people and to programs.
//! Each failure is shown once, by `main`.

use plugdock_contracts::document::Faults;
use plugdock_contracts::{ErrorChain, ErrorCode, ExecutionError};
use plugdock_core_runtime::{ConfigError, StartError};
use serde_json::json;

use crate::render::{self, Frame, Paint};

/// Exit code of a wrong command line or configuration.
pub(crate) const EXIT_USAGE: u8 = 2;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what cannot be.
    Usage(Box<Frame>),
    /// The configuration is wrong.
    Config(Vec<Frame>),
    /// A manifest or an input is wrong.
    Invalid(Vec<Frame>),
    /// An execution has no result, or the host did not start.
    Execution(Box<ExecutionError>),
    /// The outcome was shown already; only its exit code remains.
    Shown(u8),
}

impl Failure {
    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(Box::new(Frame::plain("", message)))
    }

    /// A wrong command line, and what would be right.
    pub(crate) fn usage_with_help(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage(Box::new(Frame::plain("", message).help(help)))
    }

    /// One thing wrong with a plugin or an input.
    pub(crate) fn invalid(frame: Frame) -> Self {
        Self::Invalid(vec![frame])
    }

    /// What the process exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) => EXIT_USAGE,
            Self::Invalid(_) => ErrorCode::ValidationError.exit_code(),
            Self::Execution(error) => error.code().exit_code(),
            Self::Shown(code) => *code,
        }
    }

    /// The failure in lines for people; nothing when it was shown already.
    pub(crate) fn render(&self, paint: Paint) -> Option<String> {
        let frames = |frames: &[Frame], code: Option<&str>| {
            let shown: Vec<String> = frames.iter().map(|frame| frame.render(code, paint)).collect();
            let count = (frames.len() > 1).then(|| format!("{} faults", frames.len()));
            shown.into_iter().chain(count).collect::<Vec<_>>().join("\n\n")
        };
        match self {
            Self::Usage(frame) => Some(frame.render(None, paint)),
            Self::Config(list) => Some(frames(list, None)),
            Self::Invalid(list) => Some(frames(list, Some(ErrorCode::ValidationError.as_str()))),
            Self::Execution(error) => Some(render::error(error, paint)),
            Self::Shown(_) => None,
        }
    }

    /// The failure as a JSON document for programs; nothing when it was shown already.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        let faults = |code: &str, frames: &[Frame]| {
            let message = frames.first().map(|frame| frame.message.as_str()).unwrap_or_default();
            json!({ "error": { "code": code, "message": message, "faults": frames } })
        };
        match self {
            Self::Usage(frame) => Some(faults("USAGE", std::slice::from_ref(&**frame))),
            Self::Config(frames) => Some(faults("CONFIGURATION", frames)),
            Self::Invalid(frames) => Some(faults(ErrorCode::ValidationError.as_str(), frames)),
            Self::Execution(error) => Some(json!({ "error": error })),
            Self::Shown(_) => None,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(Frame::of_config(&error))
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Self::Invalid(Frame::of_document(&faults))
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        Self::Execution(Box::new(error))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Backend(error) => error.into(),
            error => {
                let message = ErrorChain(&error).to_string();
                let help = "`plugdock config show` says what is configured, and where";
                Self::Config(vec![Frame::plain("", message).help(help)])
            }
        }
    }
}
