//! What a plugin says of itself: its handlers, what they take and give, and examples that can be run.
//! It comes from the plugin's program, never from a list beside it that could disagree.

use serde::{Deserialize, Serialize};

use crate::id::{HandlerId, PluginId};

/// A plugin, as it describes itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PluginDescription {
    /// Its id.
    pub id: PluginId,
    /// Its version.
    pub version: semver::Version,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub about: String,
    /// Its handlers, in the order they were added.
    pub handlers: Vec<HandlerDescription>,
    /// The runtime it was built with, for example `plugdock-plugin-runtime 0.1.0`.
    #[serde(default)]
    pub runtime: String,
}

impl PluginDescription {
    /// A description without handlers.
    pub fn new(id: PluginId, version: semver::Version) -> Self {
        Self { id, version, about: String::new(), handlers: Vec::new(), runtime: String::new() }
    }

    /// The handler of that name.
    pub fn handler(&self, id: &str) -> Option<&HandlerDescription> {
        self.handlers.iter().find(|handler| handler.id.as_str() == id)
    }
}

/// A handler, as its plugin describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HandlerDescription {
    /// Its name.
    pub id: HandlerId,
    /// How it is talked to.
    pub kind: HandlerKind,
    /// What it does, for people.
    #[serde(default)]
    pub doc: String,
    /// JSON Schema of its input, where its type offers one.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub input_schema: serde_json::Value,
    /// JSON Schema of its output, where its type offers one.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub output_schema: serde_json::Value,
    /// Inputs that work, each with what it shows.
    #[serde(default)]
    pub examples: Vec<Example>,
    /// Whether one worker may run several calls of it at a time.
    #[serde(default)]
    pub concurrent: bool,
    /// Whether running it twice does no harm.
    #[serde(default)]
    pub idempotent: bool,
}

impl HandlerDescription {
    /// A description with a name and a kind.
    pub fn new(id: HandlerId, kind: HandlerKind) -> Self {
        Self {
            id,
            kind,
            doc: String::new(),
            input_schema: serde_json::Value::Null,
            output_schema: serde_json::Value::Null,
            examples: Vec::new(),
            concurrent: false,
            idempotent: false,
        }
    }
}

/// How a handler is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HandlerKind {
    /// One input, one result.
    Call,
    /// One input, a stream of output, one result.
    Stream,
    /// One input, streams both ways, one result.
    Channel,
}

impl HandlerKind {
    /// `call`, `stream` or `channel`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Stream => "stream",
            Self::Channel => "channel",
        }
    }
}

/// An input that works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Example {
    /// What it shows.
    pub title: String,
    /// The input.
    pub input: serde_json::Value,
    /// The result, when it is always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<serde_json::Value>,
}

impl Example {
    /// An example without a fixed result.
    pub fn new(title: impl Into<String>, input: serde_json::Value) -> Self {
        Self { title: title.into(), input, output: None }
    }
}
