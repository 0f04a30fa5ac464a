//! The bounds of topics.
//! Those of a queue hold for each subscription, so that one slow subscriber costs no other anything.

use plugdock_contracts::ByteSize;
use serde::Deserialize;

use crate::setting::{SettingCheck, SettingError};

/// How many subscriptions there may be and how much each keeps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventConfig {
    /// Subscriptions at one time, of all tenants and plugins. 4 096: a message is offered to each of its tenant.
    pub max_subscriptions: usize,
    /// Subscriptions at one time of one plugin for one tenant. 256, so that one plugin cannot take all.
    pub max_subscriptions_per_plugin: usize,
    /// Largest message. 64 KiB; what is larger belongs into `storage`, with its path as the message.
    pub max_message: ByteSize,
    /// Messages that wait for one subscriber. 256; then the oldest is dropped.
    pub queue_messages: usize,
    /// Bytes of messages and topics that wait for one subscriber. 1 MiB; then the oldest are dropped.
    pub queue_bytes: ByteSize,
}

impl Default for EventConfig {
    fn default() -> Self {
        Self {
            max_subscriptions: 4_096,
            max_subscriptions_per_plugin: 256,
            max_message: ByteSize::from_kib(64),
            queue_messages: 256,
            queue_bytes: ByteSize::from_mib(1),
        }
    }
}

impl EventConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        check.some("events.max_subscriptions", self.max_subscriptions);
        check.some("events.max_subscriptions_per_plugin", self.max_subscriptions_per_plugin);
        check.some_bytes("events.max_message", self.max_message);
        check.some("events.queue_messages", self.queue_messages);
        // Half leaves room for the topic, so that no message is too large for an empty queue.
        let fits = self.queue_bytes.bytes() >= ByteSize::from_kib(1).bytes()
            && self.max_message.bytes() <= self.queue_bytes.bytes() / 2;
        let reason = "it must be at least 1KiB and twice `events.max_message`";
        check.require(fits, "events.queue_bytes", self.queue_bytes, reason);
        check.into_faults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_faults_are_named() {
        assert_eq!(EventConfig::default().faults(), []);
        let config = EventConfig {
            max_subscriptions: 0,
            max_subscriptions_per_plugin: 0,
            max_message: ByteSize::from_kib(1),
            queue_messages: 0,
            queue_bytes: ByteSize::from_kib(1),
        };
        let fields: Vec<_> = config.faults().iter().map(|fault| fault.setting).collect();
        let expected = ["max_subscriptions", "max_subscriptions_per_plugin", "queue_messages", "queue_bytes"];
        assert_eq!(fields, expected.map(|field| format!("events.{field}")));
    }
}
