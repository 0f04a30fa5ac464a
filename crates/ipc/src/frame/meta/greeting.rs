//! What the two sides say about themselves: hello, welcome and goodbye.
//! Whether a host likes what it hears is the host's decision, not made here.

use serde::{Deserialize, Serialize};

use super::excess::{Bounded, Excess, at_most, name, text};
use crate::limit::{LinkLimits, MAX_EXAMPLES, MAX_FEATURES, MAX_HANDLERS, MAX_OBSERVATIONS};

/// Who the worker is and what it offers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hello {
    /// The plugin's id.
    pub plugin_id: String,
    /// The plugin's version.
    pub plugin_version: String,
    /// The name of the library that speaks for the plugin.
    pub runtime_name: String,
    /// The version of that library.
    pub runtime_version: String,
    /// Optional behaviours the worker knows; the host accepts some in its welcome.
    #[serde(default)]
    pub features: Vec<String>,
    /// What can be called.
    pub handlers: Vec<HandlerInfo>,
    /// What the worker found in force around itself.
    #[serde(default)]
    pub sandbox: Vec<Observation>,
    /// The worker's process id as it sees it itself, in its own namespace; zero when it has none.
    #[serde(default)]
    pub pid: u32,
}

/// One handler, as its plugin describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HandlerInfo {
    /// Its name.
    pub name: String,
    /// What it exchanges besides input and output.
    #[serde(default)]
    pub kind: HandlerKind,
    /// Whether it blocks its thread.
    #[serde(default)]
    pub blocking: bool,
    /// Whether it may run several times at once in one worker.
    #[serde(default)]
    pub concurrent: bool,
    /// Whether running it twice does no more than running it once.
    #[serde(default)]
    pub idempotent: bool,
    /// What it does, for people.
    #[serde(default)]
    pub doc: String,
    /// JSON Schema of its input, as text.
    #[serde(default)]
    pub input_schema: Option<String>,
    /// JSON Schema of its output, as text.
    #[serde(default)]
    pub output_schema: Option<String>,
    /// Calls worth showing.
    #[serde(default)]
    pub examples: Vec<Example>,
}

/// What a handler exchanges besides input and output. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandlerKind {
    /// Nothing.
    #[default]
    Call,
    /// It sends a stream.
    Stream,
    /// It sends and receives a stream.
    Channel,
}

/// One example call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Example {
    /// What it shows.
    pub title: String,
    /// The input, as JSON text.
    pub input: String,
    /// The output, as JSON text, where it is always the same.
    #[serde(default)]
    pub output: Option<String>,
}

/// One entry of the sandbox state a worker observed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Observation {
    /// What was looked at.
    pub key: String,
    /// What was found.
    pub value: String,
}

impl Bounded for Hello {
    fn check(&self) -> Result<(), Excess> {
        name("plugin_id", &self.plugin_id)?;
        name("plugin_version", &self.plugin_version)?;
        name("runtime_name", &self.runtime_name)?;
        name("runtime_version", &self.runtime_version)?;
        check_features(&self.features)?;
        at_most("sandbox", self.sandbox.len(), MAX_OBSERVATIONS)?;
        at_most("handlers", self.handlers.len(), MAX_HANDLERS)?;
        self.handlers.iter().try_for_each(|handler| {
            name("handlers.name", &handler.name)?;
            at_most("handlers.examples", handler.examples.len(), MAX_EXAMPLES)
        })
    }
}

fn check_features(features: &[String]) -> Result<(), Excess> {
    at_most("features", features.len(), MAX_FEATURES)?;
    features.iter().try_for_each(|feature| name("features", feature))
}

/// The host's answer to an acceptable hello.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Welcome {
    /// The bounds of this connection.
    pub limits: LinkLimits,
    /// How often the worker should prove that its handlers' scheduler runs, in milliseconds; zero for never.
    #[serde(default)]
    pub heartbeat_ms: u32,
    /// The features of the hello that are in use.
    #[serde(default)]
    pub features: Vec<String>,
    /// The host's version, for logs.
    #[serde(default)]
    pub host_version: String,
}

impl Bounded for Welcome {
    fn check(&self) -> Result<(), Excess> {
        name("host_version", &self.host_version)?;
        check_features(&self.features)
    }
}

/// The last frame of a side that ends on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goodbye {
    /// Why.
    pub kind: GoodbyeKind,
    /// The same for people.
    #[serde(default)]
    pub reason: String,
}

/// Why a side ends. Append-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodbyeKind {
    /// There is no more work.
    Done,
    /// The host does not accept the hello.
    Refused,
    /// The side cannot go on.
    Failed,
}

impl Goodbye {
    /// A goodbye with a reason.
    pub fn new(kind: GoodbyeKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

impl Bounded for Goodbye {
    fn check(&self) -> Result<(), Excess> {
        text("reason", &self.reason)
    }
}
