//! A service call that a worker asks of its host on behalf of a live call, and the answer.
//! Whether it is permitted is decided by the host, not here.

use serde::{Deserialize, Serialize};

use super::excess::{Bounded, Excess, name, text};
use super::failure::ErrorReport;

/// A service call; the payload goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostCall {
    /// Counts the host calls of one call from zero, by one.
    pub id: u32,
    /// Which service.
    pub service: String,
    /// Which of its methods.
    pub method: String,
    /// The arguments, as JSON text.
    #[serde(default)]
    pub args: String,
}

impl Bounded for HostCall {
    fn check(&self) -> Result<(), Excess> {
        name("service", &self.service)?;
        name("method", &self.method)?;
        text("args", &self.args)
    }
}

/// The answer to a host call; the payload goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostReply {
    /// The id of the host call.
    pub id: u32,
    /// How it went.
    pub outcome: ReplyOutcome,
}

/// How a host call went. Append-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyOutcome {
    /// The value, as JSON text.
    Ok(String),
    /// Why not.
    Err(Box<ErrorReport>),
}

impl Bounded for HostReply {
    fn check(&self) -> Result<(), Excess> {
        match &self.outcome {
            ReplyOutcome::Ok(value) => text("outcome.ok", value),
            ReplyOutcome::Err(report) => report.check(),
        }
    }
}
