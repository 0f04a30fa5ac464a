//! Does a call that was granted, with the platform's services.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::Payload;
use plugdock_contracts::error::{ErrorCode, ExecutionError, Resource};
use plugdock_contracts::host_call::{
    CacheCall, CustomCall, EventsCall, HostCall, HostReply, InvokeCall, StateCall, StorageCall,
};
use plugdock_contracts::payload;
use plugdock_contracts::service::{EventSubscription, ServiceError, ServiceScope};
use serde_json::{Value, json};

use super::{Gate, Invoke};

/// Subscriptions of one execution at a time: more than any handler can follow.
const MAX_SUBSCRIPTIONS: usize = 64;

/// Keys that one listing answers at most.
const MAX_LISTED_KEYS: u32 = 10_000;

/// Longest wait for one message: the deadline usually ends it before.
const MAX_MESSAGE_WAIT: Duration = Duration::from_mins(1);

type Shared = Arc<tokio::sync::Mutex<Box<dyn EventSubscription>>>;

/// The subscriptions of an execution, by their number.
#[derive(Default)]
pub(super) struct Subscriptions(Mutex<(u64, HashMap<u64, Shared>)>);

impl Subscriptions {
    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, Shared>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_full(&self) -> bool {
        self.lock().1.len() >= MAX_SUBSCRIPTIONS
    }

    fn add(&self, subscription: Box<dyn EventSubscription>) -> u64 {
        let mut inner = self.lock();
        inner.0 += 1;
        let number = inner.0;
        inner.1.insert(number, Arc::new(tokio::sync::Mutex::new(subscription)));
        number
    }

    fn get(&self, number: u64) -> Result<Shared, ExecutionError> {
        let unknown = || {
            ExecutionError::new(
                ErrorCode::ValidationError,
                format!("this execution has no subscription {number}"),
            )
        };
        self.lock().1.get(&number).cloned().ok_or_else(unknown)
    }

    fn remove(&self, number: u64) -> bool {
        self.lock().1.remove(&number).is_some()
    }

    pub(super) fn clear(&self) {
        self.lock().1.clear();
    }
}

/// `true` with the value as body, or `false`.
fn found(value: Option<Bytes>) -> HostReply {
    value.map_or_else(|| HostReply::value(false), |value| HostReply::with_body(true, value))
}

impl Gate {
    pub(super) async fn dispatch(
        &self,
        scope: &ServiceScope,
        call: HostCall,
        body: Bytes,
    ) -> Result<HostReply, ExecutionError> {
        let done = match call {
            HostCall::Cache(call) => self.cache(scope, call, body).await,
            HostCall::State(call) => self.state(scope, call, body).await,
            HostCall::Storage(call) => self.storage(scope, call, body).await,
            HostCall::Fs(call) => self.fs(scope, call, body).await,
            HostCall::Http(call) => self.http(scope, call, body).await,
            HostCall::Env(call) => self.env(&call),
            HostCall::Shell(call) => self.shell(scope, call, body).await,
            HostCall::Custom(call) => self.custom(scope, call, body).await,
            HostCall::Events(call) => return self.events(scope, call, body).await,
            HostCall::Invoke(call) => return self.invoke(scope, call, body).await,
        };
        done.map_err(|error| match error {
            // What only the service could see is refused and told like what was seen before.
            ServiceError::Denied(denial) => self.denied(&denial),
            error => error.into(),
        })
    }

    async fn cache(
        &self,
        scope: &ServiceScope,
        call: CacheCall,
        body: Bytes,
    ) -> Result<HostReply, ServiceError> {
        let cache = self.parts.platform.cache()?;
        Ok(match call {
            CacheCall::Get { key } => found(cache.get(scope, &key).await?),
            CacheCall::Set { key, ttl_ms } => {
                cache.set(scope, &key, body, ttl_ms.map(Duration::from_millis)).await?;
                HostReply::default()
            }
            CacheCall::Delete { key } => HostReply::value(cache.delete(scope, &key).await?),
        })
    }

    async fn state(
        &self,
        scope: &ServiceScope,
        call: StateCall,
        body: Bytes,
    ) -> Result<HostReply, ServiceError> {
        let state = self.parts.platform.state()?;
        Ok(match call {
            StateCall::Get { key } => found(state.get(scope, &key).await?),
            StateCall::Set { key } => {
                state.set(scope, &key, body).await?;
                HostReply::default()
            }
            StateCall::Delete { key } => HostReply::value(state.delete(scope, &key).await?),
            StateCall::Keys { prefix, limit } => {
                let limit = limit.unwrap_or(MAX_LISTED_KEYS).min(MAX_LISTED_KEYS);
                HostReply::value(state.keys(scope, &prefix, limit).await?)
            }
        })
    }

    async fn storage(
        &self,
        scope: &ServiceScope,
        call: StorageCall,
        body: Bytes,
    ) -> Result<HostReply, ServiceError> {
        let storage = self.parts.platform.storage()?;
        Ok(match call {
            StorageCall::Read { path } => found(storage.read(scope, &path).await?),
            StorageCall::Write { path } => {
                storage.write(scope, &path, body).await?;
                HostReply::default()
            }
            StorageCall::Delete { path } => HostReply::value(storage.delete(scope, &path).await?),
            StorageCall::List { path } => HostReply::value(storage.list(scope, &path).await?),
        })
    }

    async fn custom(
        &self,
        scope: &ServiceScope,
        call: CustomCall,
        body: Bytes,
    ) -> Result<HostReply, ServiceError> {
        let service = self.parts.platform.custom(&call.service)?;
        service.call(scope, &call.method, call.args, body).await
    }

    async fn events(
        &self,
        scope: &ServiceScope,
        call: EventsCall,
        body: Bytes,
    ) -> Result<HostReply, ExecutionError> {
        let events = self.parts.platform.events()?;
        Ok(match call {
            EventsCall::Publish { topic } => HostReply::value(events.publish(scope, &topic, body).await?),
            EventsCall::Subscribe { pattern } => {
                if self.subscriptions.is_full() {
                    let message = format!("an execution has at most {MAX_SUBSCRIPTIONS} subscriptions");
                    return Err(ExecutionError::new(ErrorCode::ResourceExhausted, message)
                        .with_resource(Resource::Quota));
                }
                HostReply::value(self.subscriptions.add(events.subscribe(scope, &pattern).await?))
            }
            EventsCall::Next { subscription, wait_ms } => {
                let subscription = self.subscriptions.get(subscription)?;
                let wait = Duration::from_millis(wait_ms).min(MAX_MESSAGE_WAIT);
                let mut subscription = subscription.lock().await;
                match tokio::time::timeout(wait, subscription.next()).await.ok().flatten() {
                    Some(message) => {
                        let value = json!({ "topic": message.topic, "dropped": message.dropped });
                        HostReply::with_body(value, message.body)
                    }
                    None => HostReply::value(Value::Null),
                }
            }
            EventsCall::Unsubscribe { subscription } => {
                HostReply::value(self.subscriptions.remove(subscription))
            }
        })
    }

    async fn invoke(
        &self,
        scope: &ServiceScope,
        call: InvokeCall,
        body: Bytes,
    ) -> Result<HostReply, ExecutionError> {
        let content_type = call.content_type.clone().unwrap_or_else(|| payload::JSON.to_owned());
        let invoke = Invoke {
            parent: Arc::clone(&self.parts.request),
            permissions: self.parts.permissions.clone(),
            call,
            input: Payload::new(body, content_type),
            remaining: scope.remaining,
        };
        let result = self.parts.invoker.invoke(invoke).await?;
        let content_type = result.content_type().to_owned();
        Ok(HostReply::with_body(json!({ "content_type": content_type }), result.into_bytes()))
    }
}
