//! Topics with wildcards: a message goes to those of its tenant who are subscribed when it is published.
//! It never waits for a subscriber and never tells one tenant of another.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::permission::TopicPattern;
use plugdock_contracts::service::{
    EventMessage, EventService, EventSubscription, ServiceError, ServiceResult, ServiceScope,
};
use plugdock_contracts::{BoxFuture, TenantId};

use super::event_config::EventConfig;
use super::mailbox::Mailbox;
use crate::container::{Lifecycle, LifecycleError};
use crate::namespace::Namespace;
use crate::setting::{SettingErrors, as_len};

const SERVICE: &str = "events";

/// Covers every topic and no pattern: what it does not match is no topic.
static ANY_TOPIC: LazyLock<TopicPattern> =
    LazyLock::new(|| ">".parse().expect("a lone `>` is a pattern of the language"));

/// Topics in the host's process. The rules of patterns are those of permissions: `*` is one part, `>` at the end the rest.
pub struct TopicEvents {
    config: EventConfig,
    registry: Arc<Mutex<Registry>>,
}

/// Who is subscribed.
#[derive(Debug, Default)]
struct Registry {
    by_tenant: HashMap<Option<TenantId>, HashMap<u64, Subscriber>>,
    per_owner: HashMap<Namespace, usize>,
    total: usize,
    next_id: u64,
    closed: bool,
}

#[derive(Debug)]
struct Subscriber {
    pattern: TopicPattern,
    mailbox: Arc<Mailbox>,
}

/// Ends when it is dropped.
struct TopicSubscription {
    id: u64,
    tenant: Option<TenantId>,
    owner: Namespace,
    mailbox: Arc<Mailbox>,
    registry: Arc<Mutex<Registry>>,
}

impl TopicEvents {
    /// Topics without subscribers.
    ///
    /// # Errors
    /// [`SettingErrors`] with every fault of the settings.
    pub fn new(config: EventConfig) -> Result<Self, SettingErrors> {
        SettingErrors::check(config.faults())?;
        Ok(Self { config, registry: Arc::default() })
    }

    /// How many subscriptions there are now.
    pub fn n_subscriptions(&self) -> usize {
        lock(&self.registry).total
    }

    fn deliver(&self, scope: &ServiceScope, topic: &str, body: &Bytes) -> Result<u64, ServiceError> {
        if !ANY_TOPIC.matches(topic) {
            return invalid(format!(
                "{topic:?} is no topic: parts separated by dots, without wildcards and white space"
            ));
        }
        if body.len() > as_len(self.config.max_message) {
            let limit = self.config.max_message.bytes();
            return Err(ServiceError::TooLarge { service: SERVICE, size: body.len() as u64, limit });
        }
        // A body that is a slice of a larger buffer would keep all of it alive, unseen by the bound of a queue.
        let body = Bytes::copy_from_slice(body);
        let registry = lock(&self.registry);
        let subscribers = registry.by_tenant.get(&scope.tenant).into_iter().flat_map(HashMap::values);
        let mut reached = 0;
        for subscriber in subscribers.filter(|subscriber| subscriber.pattern.matches(topic)) {
            subscriber.mailbox.deliver(EventMessage {
                topic: topic.to_owned(),
                body: body.clone(),
                dropped: 0,
            });
            reached += 1;
        }
        Ok(reached)
    }

    fn add(&self, scope: &ServiceScope, pattern: &str) -> Result<TopicSubscription, ServiceError> {
        let pattern: TopicPattern = match pattern.parse() {
            Ok(pattern) => pattern,
            Err(error) => return invalid(format!("{error}")),
        };
        let owner = Namespace::of(scope);
        let mut registry = lock(&self.registry);
        if registry.closed {
            return Err(ServiceError::Failed {
                service: SERVICE,
                action: "subscribe",
                source: "the service was stopped".into(),
            });
        }
        let held = registry.per_owner.get(&owner).copied().unwrap_or(0);
        let bounds = [
            ("max_subscriptions_per_plugin", held, self.config.max_subscriptions_per_plugin),
            ("max_subscriptions", registry.total, self.config.max_subscriptions),
        ];
        if let Some((name, used, limit)) = bounds.into_iter().find(|(_, used, limit)| used >= limit) {
            let reason = format!("{name} is {limit}, {used} are used");
            return Err(ServiceError::Quota { service: SERVICE, reason });
        }
        let mailbox = Arc::new(Mailbox::new(self.config.queue_messages, as_len(self.config.queue_bytes)));
        let id = registry.insert(
            owner.clone(),
            scope.tenant.clone(),
            Subscriber { pattern, mailbox: Arc::clone(&mailbox) },
        );
        let registry = Arc::clone(&self.registry);
        Ok(TopicSubscription { id, tenant: scope.tenant.clone(), owner, mailbox, registry })
    }

    fn close(&self) {
        let mut registry = lock(&self.registry);
        registry.closed = true;
        for subscriber in registry.by_tenant.values().flat_map(HashMap::values) {
            subscriber.mailbox.close();
        }
    }
}

impl Registry {
    fn insert(&mut self, owner: Namespace, tenant: Option<TenantId>, subscriber: Subscriber) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.total += 1;
        *self.per_owner.entry(owner).or_default() += 1;
        self.by_tenant.entry(tenant).or_default().insert(id, subscriber);
        id
    }

    /// Forgets a subscription, and its tenant and owner with their last one.
    fn remove(&mut self, ended: &TopicSubscription) {
        let Some(subscribers) = self.by_tenant.get_mut(&ended.tenant) else { return };
        if subscribers.remove(&ended.id).is_none() {
            return;
        }
        if subscribers.is_empty() {
            self.by_tenant.remove(&ended.tenant);
        }
        self.total -= 1;
        if let Some(held) = self.per_owner.get_mut(&ended.owner) {
            *held -= 1;
            if *held == 0 {
                self.per_owner.remove(&ended.owner);
            }
        }
    }
}

impl EventService for TopicEvents {
    fn publish<'a>(
        &'a self,
        scope: &'a ServiceScope,
        topic: &'a str,
        message: Bytes,
    ) -> ServiceResult<'a, u64> {
        Box::pin(async move { self.deliver(scope, topic, &message) })
    }

    fn subscribe<'a>(
        &'a self,
        scope: &'a ServiceScope,
        pattern: &'a str,
    ) -> ServiceResult<'a, Box<dyn EventSubscription>> {
        Box::pin(async move {
            let subscription: Box<dyn EventSubscription> = Box::new(self.add(scope, pattern)?);
            Ok(subscription)
        })
    }
}

impl EventSubscription for TopicSubscription {
    fn next(&mut self) -> BoxFuture<'_, Option<EventMessage>> {
        Box::pin(self.mailbox.next())
    }
}

impl Drop for TopicSubscription {
    fn drop(&mut self) {
        lock(&self.registry).remove(self);
    }
}

impl Lifecycle for TopicEvents {
    /// Ends every subscription: what waits can still be read, then it answers `None`. Later ones are refused.
    fn stop(&self, _within: Duration) -> BoxFuture<'_, Result<(), LifecycleError>> {
        self.close();
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Drop for TopicEvents {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for TopicEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicEvents")
            .field("config", &self.config)
            .field("n_subscriptions", &self.n_subscriptions())
            .finish_non_exhaustive()
    }
}

fn lock(registry: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}

fn invalid<T>(reason: String) -> Result<T, ServiceError> {
    Err(ServiceError::Invalid { service: SERVICE, reason })
}
