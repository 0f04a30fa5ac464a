//! A failure as the wire carries it: code, message and chain as text, never a Rust type.
//! Conversion to and from the contracts' error is in `convert`.

use serde::{Deserialize, Serialize};

use super::excess::{Bounded, Excess, at_most, name, text};
use crate::limit::MAX_CHAIN;

/// Why a call or a host call failed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErrorReport {
    /// The stable code; one that the reader does not know is kept.
    pub code: String,
    /// The text for people.
    #[serde(default)]
    pub message: String,
    /// Whether the same call may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// Who has to act.
    #[serde(default)]
    pub fault: FaultSide,
    /// The step that failed.
    #[serde(default)]
    pub step: Option<String>,
    /// The limit that was exceeded, in microseconds.
    #[serde(default)]
    pub limit_us: Option<u64>,
    /// When to try again, in microseconds from now.
    #[serde(default)]
    pub retry_after_us: Option<u64>,
    /// What ran out.
    #[serde(default)]
    pub resource: Option<String>,
    /// Why a worker died, as JSON text.
    #[serde(default)]
    pub cause: Option<String>,
    /// What to do.
    #[serde(default)]
    pub help: Option<String>,
    /// The handler's own data, as JSON text.
    #[serde(default)]
    pub details: Option<String>,
    /// The texts of what caused it, outermost first.
    #[serde(default)]
    pub chain: Vec<String>,
    /// Where in the plugin's code it happened.
    #[serde(default)]
    pub location: Option<String>,
    /// The stack there.
    #[serde(default)]
    pub backtrace: Option<String>,
    /// The last lines a crashed worker wrote to its standard error.
    #[serde(default)]
    pub stderr_tail: Vec<String>,
}

/// Who has to act. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultSide {
    /// The plugin's author.
    #[default]
    Plugin,
    /// The host's operator.
    Host,
    /// Whoever sent the request.
    Caller,
}

impl Bounded for ErrorReport {
    fn check(&self) -> Result<(), Excess> {
        name("code", &self.code)?;
        text("message", &self.message)?;
        at_most("chain", self.chain.len(), MAX_CHAIN)?;
        at_most("stderr_tail", self.stderr_tail.len(), crate::limit::MAX_STDERR_LINES)
    }
}
