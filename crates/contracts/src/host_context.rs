//! Where a request came from, as plain data that the handler may read: one variant per entry point of a host.
//! Nothing here is trusted for a decision; tenant and permissions are in the descriptor, set by the host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The entry point that led to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum HostContext {
    /// A command line.
    Cli(CliContext),
    /// An HTTP request.
    Rest(RestContext),
    /// A step of a workflow.
    Workflow(WorkflowContext),
    /// A delivery to a webhook.
    Webhook(WebhookContext),
    /// A schedule that came due.
    Cron(CronContext),
    /// An event of a WebSocket connection.
    Ws(WsContext),
}

impl HostContext {
    /// The entry point's name: `cli`, `rest`, `workflow`, `webhook`, `cron` or `ws`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cli(_) => "cli",
            Self::Rest(_) => "rest",
            Self::Workflow(_) => "workflow",
            Self::Webhook(_) => "webhook",
            Self::Cron(_) => "cron",
            Self::Ws(_) => "ws",
        }
    }
}

impl Default for HostContext {
    fn default() -> Self {
        Self::Cli(CliContext::default())
    }
}

/// A command line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CliContext {
    /// The arguments as typed.
    pub argv: Vec<String>,
    /// Flags the host parsed.
    pub flags: BTreeMap<String, serde_json::Value>,
    /// The host's version.
    pub cli_version: Option<String>,
}

/// An HTTP request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestContext {
    /// The method, upper-case.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Query parameters in order.
    pub query: Vec<(String, String)>,
}

/// A step of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkflowContext {
    /// Which workflow.
    pub workflow_id: String,
    /// Which run of it.
    pub run_id: String,
    /// Which job of the run.
    pub job_id: Option<String>,
    /// Which step of the job.
    pub step_id: String,
    /// Attempt number, from 1.
    pub attempt: Option<u32>,
}

/// A delivery to a webhook.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookContext {
    /// The event's name.
    pub event: String,
    /// Who sent it.
    pub source: Option<String>,
}

/// A schedule that came due. Times are RFC 3339 texts: the host's wall clock, for people and logs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CronContext {
    /// Which schedule.
    pub cron_id: String,
    /// The schedule as written.
    pub schedule: String,
    /// When it was due.
    pub scheduled_at: String,
    /// When it last ran.
    pub last_run_at: Option<String>,
}

/// An event of a WebSocket connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WsContext {
    /// The channel's path.
    pub channel_path: String,
    /// Which connection.
    pub connection_id: String,
    /// The client's address.
    pub client_ip: String,
    /// Headers of the upgrade, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Query parameters of the upgrade in order.
    pub query: Vec<(String, String)>,
    /// Parameters taken from the path.
    pub params: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_point_is_the_tag() {
        let context = HostContext::Cron(CronContext { cron_id: "nightly".into(), ..CronContext::default() });
        let document = serde_json::to_value(&context).unwrap();
        assert_eq!(document["type"], context.kind());
        assert_eq!(serde_json::from_value::<HostContext>(document).unwrap(), context);
    }
}
