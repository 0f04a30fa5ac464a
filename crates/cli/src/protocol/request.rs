//! What a client asks for, as one line. Reading it checks its shape; whether it can be done is the server's to say.

use std::time::Duration;

use plugdock_contracts::span::as_text;
use plugdock_contracts::{ErrorCode, ExecutionError, ExecutionRequest, Payload, PluginId};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The protocol's number. It changes when an old client could misread a new server, or the other way round.
pub(crate) const PROTOCOL: u32 = 1;

/// The operations by name.
const OPS: [&str; 8] = ["call", "ps", "stats", "health", "resize", "drain", "reload", "logs"];

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// Run a handler.
    Call(Box<ExecutionRequest>),
    /// The workers that live.
    Ps,
    /// The backend's numbers.
    Stats,
    /// Whether it can work.
    Health,
    /// Change how many workers there are.
    Resize { min: usize, max: usize },
    /// Finish what runs, then end the server.
    Drain { within: Option<Duration> },
    /// Read the files of one plugin, or of all, again.
    Reload { plugin: Option<PluginId> },
    /// What was logged, and what will be.
    Logs(LogsQuery),
}

/// Which log records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogsQuery {
    /// So many of the latest.
    pub(crate) last: usize,
    /// Also those that come.
    pub(crate) follow: bool,
    /// Only those of one plugin.
    pub(crate) plugin: Option<PluginId>,
}

/// What a client may say while its call runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallControl {
    /// Stop the execution, for this reason. The outcome still comes.
    pub(crate) cancel: String,
}

impl CallControl {
    /// Reads a line; nothing if it says something else.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

#[derive(Deserialize)]
struct Head {
    protocol: Option<u64>,
    op: Option<String>,
}

/// Every request as it is written. Which keys are there depends on the operation.
#[derive(Default, Serialize)]
struct Document<'a> {
    protocol: u32,
    op: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a ExecutionRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<usize>,
    #[serde(with = "as_text::option", skip_serializing_if = "Option::is_none")]
    within: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<&'a PluginId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    follow: Option<bool>,
}

/// A request's keys: those that every request has, and those of its operation. Others are refused.
macro_rules! keys {
    ($name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* }) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            #[serde(rename = "protocol")]
            _protocol: IgnoredAny,
            #[serde(rename = "op")]
            _op: IgnoredAny,
            $($(#[$meta])* $field: $type,)*
        }
    };
}

keys!(Bare {});
keys!(Call { request: Box<ExecutionRequest> });
keys!(Resize { min: usize, max: usize });
keys!(Drain { #[serde(default, with = "as_text::option")] within: Option<Duration> });
keys!(Reload { plugin: Option<PluginId> });
keys!(Logs { #[serde(default)] last: usize, #[serde(default)] follow: bool, plugin: Option<PluginId> });

impl Request {
    /// Reads a line.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, ExecutionError> {
        let head: Head = serde_json::from_slice(line).map_err(|error| {
            invalid(format!("the request is no JSON object with `protocol` and `op`: {error}"))
        })?;
        match head.protocol {
            Some(number) if number == u64::from(PROTOCOL) => {}
            Some(number) => return Err(other_protocol(number)),
            None => {
                return Err(invalid(format!("the request has no `protocol`; this server speaks {PROTOCOL}")));
            }
        }
        let op = head.op.unwrap_or_default();
        match op.as_str() {
            "call" => body::<Call>(&op, line).map(|call| Self::Call(call.request)),
            "ps" => body::<Bare>(&op, line).map(|_bare| Self::Ps),
            "stats" => body::<Bare>(&op, line).map(|_bare| Self::Stats),
            "health" => body::<Bare>(&op, line).map(|_bare| Self::Health),
            "resize" => body::<Resize>(&op, line).map(|Resize { min, max, .. }| Self::Resize { min, max }),
            "drain" => body::<Drain>(&op, line).map(|drain| Self::Drain { within: drain.within }),
            "reload" => body::<Reload>(&op, line).map(|reload| Self::Reload { plugin: reload.plugin }),
            "logs" => body::<Logs>(&op, line)
                .map(|Logs { last, follow, plugin, .. }| Self::Logs(LogsQuery { last, follow, plugin })),
            _ => Err(unknown_op(&op)),
        }
    }

    /// The line that says it, its end included.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        let plain = |op| Document { protocol: PROTOCOL, op, ..Document::default() };
        let document = match self {
            Self::Call(request) if request.input == Payload::null() => return without_input(request),
            Self::Call(request) => Document { request: Some(request), ..plain("call") },
            Self::Ps => plain("ps"),
            Self::Stats => plain("stats"),
            Self::Health => plain("health"),
            Self::Resize { min, max } => Document { min: Some(*min), max: Some(*max), ..plain("resize") },
            Self::Drain { within } => Document { within: *within, ..plain("drain") },
            Self::Reload { plugin } => Document { plugin: plugin.as_ref(), ..plain("reload") },
            Self::Logs(LogsQuery { last, follow, plugin }) => Document {
                last: Some(*last),
                follow: Some(*follow),
                plugin: plugin.as_ref(),
                ..plain("logs")
            },
        };
        to_line(&document)
    }
}

/// A call without an input. The contracts read `"json":null` as a payload without contents; a request that leaves its
/// input out has the same meaning and is read back.
fn without_input(request: &ExecutionRequest) -> Vec<u8> {
    let mut request = serde_json::to_value(request).expect("a request has a JSON form");
    if let Some(keys) = request.as_object_mut() {
        keys.remove("input");
    }
    to_line(&json!({ "protocol": PROTOCOL, "op": "call", "request": request }))
}

fn to_line<T: Serialize>(document: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(document).expect("ids, numbers and payloads have a JSON form");
    line.push(b'\n');
    line
}

fn body<T: DeserializeOwned>(op: &str, line: &[u8]) -> Result<T, ExecutionError> {
    serde_json::from_slice(line)
        .map_err(|error| invalid(format!("the request `{op}` is not as it should be: {error}")))
}

fn invalid(message: String) -> ExecutionError {
    ExecutionError::new(ErrorCode::ValidationError, message)
        .with_help("docs/serve-protocol.md says what each request holds")
}

fn other_protocol(number: u64) -> ExecutionError {
    let message = format!("the request speaks protocol {number}, this server speaks {PROTOCOL}");
    let help =
        format!("use a client of version {}, or restart the server with yours", env!("CARGO_PKG_VERSION"));
    ExecutionError::new(ErrorCode::ProtocolMismatch, message).with_help(help)
}

fn unknown_op(op: &str) -> ExecutionError {
    let op: String = op.escape_debug().take(40).collect();
    ExecutionError::new(ErrorCode::Unsupported, format!("this server knows no operation `{op}`"))
        .with_help(format!("`op` is one of {}", OPS.join(", ")))
}
