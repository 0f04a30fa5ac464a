//! Calls that a handler makes to its host while it runs: the closed set the host knows, and custom ones by name.
//! A call is a service, a method, small arguments and one body of bytes; the host checks each against the grants.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::brokered_call::{EnvCall, FsCall, HttpCall, ShellCall};
use crate::id::{HandlerId, PluginId};

/// A call to the host. Exhaustive on purpose: a host that forgets to check a new call does not compile.
#[derive(Debug, Clone, PartialEq)]
pub enum HostCall {
    /// The cache.
    Cache(CacheCall),
    /// The persistent key-value state.
    State(StateCall),
    /// The file storage.
    Storage(StorageCall),
    /// Topics.
    Events(EventsCall),
    /// Files of the host's file system.
    Fs(FsCall),
    /// Requests over HTTP.
    Http(HttpCall),
    /// The host's environment.
    Env(EnvCall),
    /// Programs of the host.
    Shell(ShellCall),
    /// Another plugin's handler; the body is its input.
    Invoke(InvokeCall),
    /// A service that the host registered by name.
    Custom(CustomCall),
}

/// Calls to the cache. Values are the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum CacheCall {
    /// Reads; answers `true` and the value as body, or `false`.
    Get {
        /// The key.
        key: String,
    },
    /// Writes the body.
    Set {
        /// The key.
        key: String,
        /// How long it is kept, in milliseconds; the host's default when absent.
        #[serde(default)]
        ttl_ms: Option<u64>,
    },
    /// Removes; answers whether it was there.
    Delete {
        /// The key.
        key: String,
    },
}

/// Calls to the persistent state of a plugin and tenant. Values are the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum StateCall {
    /// Reads; answers `true` and the value as body, or `false`.
    Get {
        /// The key.
        key: String,
    },
    /// Writes the body.
    Set {
        /// The key.
        key: String,
    },
    /// Removes; answers whether it was there.
    Delete {
        /// The key.
        key: String,
    },
    /// Lists keys that start with a prefix, in order; answers a list of texts.
    Keys {
        /// The prefix; empty for all.
        #[serde(default)]
        prefix: String,
        /// At most so many.
        #[serde(default)]
        limit: Option<u32>,
    },
}

/// Calls to the file storage of a plugin and tenant. Contents are the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum StorageCall {
    /// Reads a file; answers `true` and the contents as body, or `false`.
    Read {
        /// Relative path with `/`.
        path: String,
    },
    /// Writes a file whole: the old contents or the new are there, never a part.
    Write {
        /// Relative path with `/`.
        path: String,
    },
    /// Removes a file; answers whether it was there.
    Delete {
        /// Relative path with `/`.
        path: String,
    },
    /// Lists the files below a path; answers a list of relative paths in order.
    List {
        /// Relative path with `/`; empty for all.
        #[serde(default)]
        path: String,
    },
}

/// Calls about topics. Messages are the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "args", rename_all = "snake_case", deny_unknown_fields)]
pub enum EventsCall {
    /// Publishes the body; answers how many subscribers got it.
    Publish {
        /// A concrete topic.
        topic: String,
    },
    /// Subscribes until the execution ends; answers a number for [`EventsCall::Next`].
    Subscribe {
        /// A topic, with `*` for one part and `>` for the rest.
        pattern: String,
    },
    /// Waits for the next message; answers `{topic, dropped}` with the message as body, or `null` when the time is over.
    Next {
        /// The subscription's number.
        subscription: u64,
        /// At most so long, in milliseconds.
        wait_ms: u64,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// The subscription's number.
        subscription: u64,
    },
}

/// A call of another plugin's handler. The body is its input, the answer's body its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvokeCall {
    /// The plugin.
    pub plugin: PluginId,
    /// The handler.
    pub handler: HandlerId,
    /// Run time at most, in milliseconds; never more than what the invoking execution has left.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Content type of the body.
    #[serde(default)]
    pub content_type: Option<String>,
}

/// A call to a service that the host registered by name.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomCall {
    /// The service.
    pub service: String,
    /// The method.
    pub method: String,
    /// The arguments.
    pub args: Value,
}

/// What the host answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostReply {
    /// A small value.
    pub value: Value,
    /// A body of bytes; empty when the call has none.
    pub body: Bytes,
}

impl HostReply {
    /// An answer without a body.
    pub fn value(value: impl Into<Value>) -> Self {
        Self { value: value.into(), body: Bytes::new() }
    }

    /// An answer with a body.
    pub fn with_body(value: impl Into<Value>, body: impl Into<Bytes>) -> Self {
        Self { value: value.into(), body: body.into() }
    }
}

/// A call that the host does not understand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostCallError {
    /// The service exists, the method or its arguments do not fit.
    #[error("`{service}.{method}` is no call that the host knows, or its arguments do not fit")]
    BadCall {
        /// The service.
        service: String,
        /// The method.
        method: String,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
}

impl HostCall {
    /// Reads a call from its parts. A service that is none of ours is a custom one.
    ///
    /// # Errors
    /// [`HostCallError::BadCall`] for an unknown method or arguments of another shape.
    pub fn from_parts(service: &str, method: &str, args: Value) -> Result<Self, HostCallError> {
        let bad = |source| HostCallError::BadCall {
            service: service.to_owned(),
            method: method.to_owned(),
            source,
        };
        let tagged = |args| serde_json::json!({ "method": method, "args": args });
        match service {
            "cache" => serde_json::from_value(tagged(args)).map(Self::Cache).map_err(bad),
            "state" => serde_json::from_value(tagged(args)).map(Self::State).map_err(bad),
            "storage" => serde_json::from_value(tagged(args)).map(Self::Storage).map_err(bad),
            "events" => serde_json::from_value(tagged(args)).map(Self::Events).map_err(bad),
            "fs" => serde_json::from_value(tagged(args)).map(Self::Fs).map_err(bad),
            "http" => serde_json::from_value(tagged(args)).map(Self::Http).map_err(bad),
            "env" => serde_json::from_value(tagged(args)).map(Self::Env).map_err(bad),
            "shell" => serde_json::from_value(tagged(args)).map(Self::Shell).map_err(bad),
            "invoke" if method == "call" => serde_json::from_value(args).map(Self::Invoke).map_err(bad),
            "invoke" => Err(bad(serde::de::Error::custom("the one method of `invoke` is `call`"))),
            _ => {
                Ok(Self::Custom(CustomCall { service: service.to_owned(), method: method.to_owned(), args }))
            }
        }
    }

    /// The call's parts: service, method and arguments, as they cross a wire.
    pub fn into_parts(self) -> (String, String, Value) {
        fn split<T: Serialize>(service: &str, call: &T) -> (String, String, Value) {
            // These enums are plain data with text keys: they always have a JSON form.
            let mut tagged = serde_json::to_value(call).unwrap_or(Value::Null);
            let method = tagged["method"].as_str().unwrap_or_default().to_owned();
            (service.to_owned(), method, tagged["args"].take())
        }
        match self {
            Self::Cache(call) => split("cache", &call),
            Self::State(call) => split("state", &call),
            Self::Storage(call) => split("storage", &call),
            Self::Events(call) => split("events", &call),
            Self::Fs(call) => split("fs", &call),
            Self::Http(call) => split("http", &call),
            Self::Env(call) => split("env", &call),
            Self::Shell(call) => split("shell", &call),
            Self::Invoke(call) => {
                ("invoke".into(), "call".into(), serde_json::to_value(call).unwrap_or(Value::Null))
            }
            Self::Custom(call) => (call.service, call.method, call.args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls() -> Vec<HostCall> {
        vec![
            HostCall::Cache(CacheCall::Set { key: "a".into(), ttl_ms: Some(5) }),
            HostCall::State(StateCall::Keys { prefix: "p".into(), limit: None }),
            HostCall::Storage(StorageCall::Read { path: "a/b".into() }),
            HostCall::Events(EventsCall::Next { subscription: 1, wait_ms: 10 }),
            HostCall::Fs(FsCall::Read { path: "workspace/a".into() }),
            HostCall::Fs(FsCall::CreateDir { path: "/data/b".into() }),
            HostCall::Fs(FsCall::Rename { from: "a".into(), to: "b".into() }),
            HostCall::Http(HttpCall::Send {
                method: "PUT".into(),
                url: "https://example.com/".into(),
                headers: vec![("x".into(), "1".into()), ("x".into(), "2".into())],
                timeout_ms: Some(5),
                max_bytes: None,
            }),
            HostCall::Env(EnvCall::Get { name: "HOME".into() }),
            HostCall::Shell(ShellCall::Exec {
                program: "git".into(),
                args: vec!["log".into()],
                timeout_ms: None,
            }),
            HostCall::Invoke(InvokeCall {
                plugin: PluginId::new("a/b").unwrap(),
                handler: HandlerId::new("h").unwrap(),
                timeout_ms: None,
                content_type: None,
            }),
            HostCall::Custom(CustomCall {
                service: "llm".into(),
                method: "complete".into(),
                args: Value::from(1),
            }),
        ]
    }

    #[test]
    fn every_call_survives_its_parts() {
        for call in calls() {
            let (service, method, args) = call.clone().into_parts();
            assert_eq!(HostCall::from_parts(&service, &method, args).unwrap(), call);
        }
    }

    #[test]
    fn unknown_methods_and_arguments_are_refused() {
        for (service, method, args) in [
            ("cache", "constructor", serde_json::json!({})),
            ("cache", "get", serde_json::json!({ "key": 1 })),
            ("state", "get", serde_json::json!({ "key": "a", "tenant": "other" })),
            ("fs", "read", serde_json::json!({ "path": "a", "follow": true })),
            ("fs", "chmod", serde_json::json!({ "path": "a" })),
            ("http", "connect", serde_json::json!({ "url": "https://example.com" })),
            ("env", "set", serde_json::json!({ "name": "A" })),
            ("shell", "exec", serde_json::json!({ "program": "sh", "args": "-c ls" })),
            ("invoke", "spawn", serde_json::json!({})),
            ("invoke", "call", serde_json::json!({ "plugin": "../x", "handler": "h" })),
        ] {
            assert!(HostCall::from_parts(service, method, args).is_err(), "{service}.{method} was accepted");
        }
    }
}
