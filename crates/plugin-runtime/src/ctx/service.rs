//! The host's services, as the handler calls them. Each call is checked by the host against the grants.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::BoxFuture;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{CacheCall, EventsCall, HostCall, HostReply, StateCall, StorageCall};
use serde::Serialize;
use serde_json::Value;

use super::Ctx;

/// How long one question for a message may wait in the host; the host bounds it too.
const HOST_WAIT_MS: u64 = 30_000;

/// An answer of the host that is not what the call promises: host and runtime disagree.
pub(super) fn unexpected(what: &str) -> ExecutionError {
    ExecutionError::new(
        ErrorCode::ProtocolViolation,
        format!("the host's answer to `{what}` has another shape"),
    )
}

/// A span as calls carry it.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn found(reply: HostReply) -> Option<Bytes> {
    (reply.value == Value::Bool(true)).then_some(reply.body)
}

macro_rules! service {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            ctx: Ctx,
        }

        impl $name {
            pub(super) fn new(ctx: Ctx) -> Self {
                Self { ctx }
            }
        }
    };
}

service!(
    /// The host's cache. Values may vanish at any time.
    Cache
);
service!(
    /// The plugin's persistent key-value state.
    State
);
service!(
    /// The plugin's files that outlive executions.
    Storage
);
service!(
    /// Topics.
    Events
);

impl Cache {
    /// Reads a value.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, ExecutionError> {
        self.ctx.host(HostCall::Cache(CacheCall::Get { key: key.to_owned() }), Bytes::new()).await.map(found)
    }

    /// Writes a value, kept at most `ttl`, or as long as the host's default.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn set(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        ttl: Option<Duration>,
    ) -> Result<(), ExecutionError> {
        let call = CacheCall::Set { key: key.to_owned(), ttl_ms: ttl.map(millis) };
        self.ctx.host(HostCall::Cache(call), value.into()).await.map(drop)
    }

    /// Removes a value; whether it was there.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn delete(&self, key: &str) -> Result<bool, ExecutionError> {
        let reply =
            self.ctx.host(HostCall::Cache(CacheCall::Delete { key: key.to_owned() }), Bytes::new()).await?;
        reply.value.as_bool().ok_or_else(|| unexpected("cache.delete"))
    }
}

impl State {
    /// Reads a value.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, ExecutionError> {
        self.ctx.host(HostCall::State(StateCall::Get { key: key.to_owned() }), Bytes::new()).await.map(found)
    }

    /// Writes a value; it is durable when this returns.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED` beyond the quota, and what the service answers.
    pub async fn set(&self, key: &str, value: impl Into<Bytes>) -> Result<(), ExecutionError> {
        self.ctx.host(HostCall::State(StateCall::Set { key: key.to_owned() }), value.into()).await.map(drop)
    }

    /// Removes a value; whether it was there.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn delete(&self, key: &str) -> Result<bool, ExecutionError> {
        let reply =
            self.ctx.host(HostCall::State(StateCall::Delete { key: key.to_owned() }), Bytes::new()).await?;
        reply.value.as_bool().ok_or_else(|| unexpected("state.delete"))
    }

    /// Keys that start with a prefix, in order.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, ExecutionError> {
        let call = StateCall::Keys { prefix: prefix.to_owned(), limit: None };
        let reply = self.ctx.host(HostCall::State(call), Bytes::new()).await?;
        serde_json::from_value(reply.value).map_err(|_other_shape| unexpected("state.keys"))
    }
}

impl Storage {
    /// Reads a file.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, ExecutionError> {
        self.ctx
            .host(HostCall::Storage(StorageCall::Read { path: path.to_owned() }), Bytes::new())
            .await
            .map(found)
    }

    /// Writes a file whole.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn write(&self, path: &str, contents: impl Into<Bytes>) -> Result<(), ExecutionError> {
        let call = StorageCall::Write { path: path.to_owned() };
        self.ctx.host(HostCall::Storage(call), contents.into()).await.map(drop)
    }

    /// Removes a file; whether it was there.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn delete(&self, path: &str) -> Result<bool, ExecutionError> {
        let reply = self
            .ctx
            .host(HostCall::Storage(StorageCall::Delete { path: path.to_owned() }), Bytes::new())
            .await?;
        reply.value.as_bool().ok_or_else(|| unexpected("storage.delete"))
    }

    /// Files below a path, in order; the empty path is all.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn list(&self, path: &str) -> Result<Vec<String>, ExecutionError> {
        let reply = self
            .ctx
            .host(HostCall::Storage(StorageCall::List { path: path.to_owned() }), Bytes::new())
            .await?;
        serde_json::from_value(reply.value).map_err(|_other_shape| unexpected("storage.list"))
    }
}

impl Events {
    /// Publishes to a topic; how many subscribers got it.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn publish(&self, topic: &str, message: impl Into<Bytes>) -> Result<u64, ExecutionError> {
        let call = EventsCall::Publish { topic: topic.to_owned() };
        let reply = self.ctx.host(HostCall::Events(call), message.into()).await?;
        reply.value.as_u64().ok_or_else(|| unexpected("events.publish"))
    }

    /// Subscribes until the execution ends or the subscription is ended.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, and what the service answers.
    pub async fn subscribe(&self, pattern: &str) -> Result<Subscription, ExecutionError> {
        let call = EventsCall::Subscribe { pattern: pattern.to_owned() };
        let reply = self.ctx.host(HostCall::Events(call), Bytes::new()).await?;
        let id = reply.value.as_u64().ok_or_else(|| unexpected("events.subscribe"))?;
        Ok(Subscription { ctx: self.ctx.clone(), id, asked: None })
    }
}

/// A subscription to topics.
pub struct Subscription {
    ctx: Ctx,
    id: u64,
    /// The question that is under way. Kept when nobody waits for it any more, so that its message is not lost.
    asked: Option<BoxFuture<'static, Result<HostReply, ExecutionError>>>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventMessage {
    /// Its topic.
    pub topic: String,
    /// Its body.
    pub body: Bytes,
    /// How many messages were lost before it, because they were not taken in time.
    pub dropped: u64,
}

impl Subscription {
    /// The next message, or `None` after `wait`. Cancel safe: a message that comes later is given by the next call.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn next(&mut self, wait: Duration) -> Result<Option<EventMessage>, ExecutionError> {
        let until = tokio::time::Instant::now().checked_add(wait);
        loop {
            let asked = self.asked.get_or_insert_with(|| {
                let call = EventsCall::Next { subscription: self.id, wait_ms: HOST_WAIT_MS };
                self.ctx.ask_host(HostCall::Events(call), Bytes::new())
            });
            let answered = match until {
                Some(until) => tokio::time::timeout_at(until, asked.as_mut()).await,
                None => Ok(asked.as_mut().await),
            };
            let Ok(answered) = answered else { return Ok(None) };
            self.asked = None;
            let reply = answered?;
            // The host waits for a bounded time; with none left here the question is asked again.
            if reply.value.is_null() {
                continue;
            }
            let topic = reply.value["topic"].as_str().ok_or_else(|| unexpected("events.next"))?.to_owned();
            let dropped = reply.value["dropped"].as_u64().unwrap_or(0);
            return Ok(Some(EventMessage { topic, body: reply.body, dropped }));
        }
    }

    /// Ends the subscription. Otherwise it ends with the execution.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn end(self) -> Result<(), ExecutionError> {
        let call = EventsCall::Unsubscribe { subscription: self.id };
        self.ctx.host(HostCall::Events(call), Bytes::new()).await.map(drop)
    }
}

/// A service that the host registered by name.
#[derive(Debug, Clone)]
pub struct Service {
    ctx: Ctx,
    name: String,
}

impl Service {
    pub(super) fn new(ctx: Ctx, name: &str) -> Self {
        Self { ctx, name: name.to_owned() }
    }

    /// Does one call with arguments and a body; answers a value and a body.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, `UNSUPPORTED` when the host has no such service, `VALIDATION_ERROR` for arguments without a
    /// JSON form, and what the service answers.
    pub async fn call<T: Serialize + ?Sized>(
        &self,
        method: &str,
        args: &T,
        body: impl Into<Bytes>,
    ) -> Result<(Value, Bytes), ExecutionError> {
        let args = serde_json::to_value(args)
            .map_err(|error| ExecutionError::from_error(ErrorCode::ValidationError, &error))?;
        let call = HostCall::from_parts(&self.name, method, args)
            .map_err(|error| ExecutionError::from_error(ErrorCode::ValidationError, &error))?;
        let HostReply { value, body } = self.ctx.host(call, body.into()).await?;
        Ok((value, body))
    }
}
