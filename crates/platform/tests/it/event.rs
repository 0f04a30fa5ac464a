//! Topics in the host's process.
//! Waiting is for messages that were delivered already, so nothing here depends on time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::ByteSize;
use plugdock_contracts::service::{EventMessage, EventService, EventSubscription, ServiceError};
use plugdock_platform::{EventConfig, Lifecycle, TopicEvents};

use crate::owner::{plugin, plugin_of};

fn events(config: EventConfig) -> TopicEvents {
    TopicEvents::new(config).unwrap()
}

/// What waits for a subscriber now.
fn waiting(subscription: &mut dyn EventSubscription) -> Vec<EventMessage> {
    let mut messages = Vec::new();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    while let std::task::Poll::Ready(Some(message)) = subscription.next().as_mut().poll(&mut cx) {
        messages.push(message);
    }
    messages
}

#[tokio::test]
async fn patterns_choose_topics_as_nats_does() {
    for (pattern, topic, matched) in [
        ("a.b", "a.b", true),
        ("a.b", "a.b.c", false),
        ("a.b", "a.B", false),
        ("a.*", "a.b", true),
        ("a.*", "a", false),
        ("a.*", "a.b.c", false),
        ("*.b", "a.b", true),
        ("*", "a", true),
        ("*", "a.b", false),
        ("a.>", "a.b.c", true),
        ("a.>", "a.b", true),
        ("a.>", "a", false),
        (">", "a", true),
        (">", "a.b.c", true),
        ("*.*.>", "a.b", false),
        ("*.*.>", "a.b.c", true),
    ] {
        let (events, scope) = (events(EventConfig::default()), plugin("a/b"));
        let mut subscription = events.subscribe(&scope, pattern).await.unwrap();
        let reached = events.publish(&scope, topic, Bytes::from_static(b"m")).await.unwrap();
        assert_eq!(reached, u64::from(matched), "{pattern} {topic}");
        let got: Vec<_> = waiting(&mut *subscription).into_iter().map(|message| message.topic).collect();
        assert_eq!(got, if matched { vec![topic.to_owned()] } else { vec![] }, "{pattern} {topic}");
    }
}

#[tokio::test]
async fn what_is_no_topic_and_no_pattern_is_refused() {
    let (events, scope) = (events(EventConfig::default()), plugin("a/b"));
    for topic in ["", ".", "a.", "a..b", "a.*", ">", "a b", "a\n"] {
        let published = events.publish(&scope, topic, Bytes::new()).await;
        assert!(matches!(published, Err(ServiceError::Invalid { .. })), "{topic:?} was accepted");
    }
    for pattern in ["", "a.", "a.>.b", "a*", "a b"] {
        assert!(
            matches!(events.subscribe(&scope, pattern).await, Err(ServiceError::Invalid { .. })),
            "{pattern:?}"
        );
    }
}

#[tokio::test]
async fn a_topic_never_reaches_another_tenant() {
    let events = events(EventConfig::default());
    let scopes = [plugin("a/b"), plugin_of("one", "a/b"), plugin_of("two", "a/b")];
    let mut subscriptions = Vec::new();
    for scope in &scopes {
        subscriptions.push(events.subscribe(scope, ">").await.unwrap());
    }
    for (at, scope) in scopes.iter().enumerate() {
        assert_eq!(
            events.publish(scope, "t", Bytes::from(vec![u8::try_from(at).unwrap()])).await.unwrap(),
            1
        );
    }
    for (at, subscription) in subscriptions.iter_mut().enumerate() {
        let bodies: Vec<_> = waiting(&mut **subscription).into_iter().map(|message| message.body).collect();
        assert_eq!(bodies, [vec![u8::try_from(at).unwrap()]]);
    }
}

#[tokio::test]
async fn plugins_of_one_tenant_hear_each_other() {
    let events = events(EventConfig::default());
    let mut subscription = events.subscribe(&plugin_of("t", "a/b"), "orders.*").await.unwrap();
    assert_eq!(
        events.publish(&plugin_of("t", "c/d"), "orders.new", Bytes::from_static(b"1")).await.unwrap(),
        1
    );
    let message = subscription.next().await.unwrap();
    assert_eq!(
        message,
        EventMessage { topic: "orders.new".into(), body: Bytes::from_static(b"1"), dropped: 0 }
    );
}

#[tokio::test]
async fn a_slow_subscriber_loses_the_oldest_and_sees_how_many() {
    let config = EventConfig { queue_messages: 2, ..EventConfig::default() };
    let (events, scope) = (events(config), plugin("a/b"));
    let mut slow = events.subscribe(&scope, "n").await.unwrap();
    let mut quick = events.subscribe(&scope, "n").await.unwrap();
    for number in 0u8..5 {
        events.publish(&scope, "n", Bytes::from(vec![number])).await.unwrap();
        assert_eq!(waiting(&mut *quick).len(), 1);
    }
    let seen = |messages: Vec<EventMessage>| -> Vec<(u8, u64)> {
        messages.iter().map(|message| (message.body[0], message.dropped)).collect()
    };
    assert_eq!(seen(waiting(&mut *slow)), [(3, 3), (4, 0)]);
    events.publish(&scope, "n", Bytes::from_static(&[9])).await.unwrap();
    assert_eq!(seen(waiting(&mut *slow)), [(9, 0)]);
}

#[tokio::test]
async fn the_bytes_that_wait_are_bounded_too() {
    let config = EventConfig {
        max_message: ByteSize::from_bytes(512),
        queue_bytes: ByteSize::from_kib(1),
        ..EventConfig::default()
    };
    let (events, scope) = (events(config), plugin("a/b"));
    let mut subscription = events.subscribe(&scope, "n").await.unwrap();
    for _ in 0..3 {
        events.publish(&scope, "n", Bytes::from(vec![0; 512])).await.unwrap();
    }
    let dropped: Vec<_> = waiting(&mut *subscription).iter().map(|message| message.dropped).collect();
    assert_eq!(dropped, [2]);
    let large = events.publish(&scope, "n", Bytes::from(vec![0; 513])).await;
    assert!(matches!(large, Err(ServiceError::TooLarge { service: "events", size: 513, limit: 512 })));
}

#[tokio::test]
async fn a_dropped_subscription_is_gone_and_makes_room() {
    let config =
        EventConfig { max_subscriptions: 3, max_subscriptions_per_plugin: 2, ..EventConfig::default() };
    let (events, scope, other) = (events(config), plugin("a/b"), plugin("c/d"));
    let first = events.subscribe(&scope, "n").await.unwrap();
    let _second = events.subscribe(&scope, "n").await.unwrap();
    let refused = events.subscribe(&scope, "n").await.err().unwrap().to_string();
    assert_eq!(refused, "events: max_subscriptions_per_plugin is 2, 2 are used");
    let _third = events.subscribe(&other, "n").await.unwrap();
    assert_eq!(events.publish(&scope, "n", Bytes::new()).await.unwrap(), 3);
    drop(first);
    assert_eq!(events.n_subscriptions(), 2);
    assert_eq!(events.publish(&scope, "n", Bytes::new()).await.unwrap(), 2);
    let _again = events.subscribe(&scope, "n").await.unwrap();
    let refused = events.subscribe(&other, "n").await.err().unwrap().to_string();
    assert_eq!(refused, "events: max_subscriptions is 3, 3 are used");
}

#[tokio::test]
async fn a_waiting_subscriber_is_woken_and_ends_with_the_service() {
    let events = Arc::new(events(EventConfig::default()));
    let scope = plugin("a/b");
    let mut subscription = events.subscribe(&scope, "n").await.unwrap();
    let (message, reached) =
        tokio::join!(subscription.next(), events.publish(&scope, "n", Bytes::from_static(b"1")));
    assert_eq!((message.unwrap().body, reached.unwrap()), (Bytes::from_static(b"1"), 1));
    events.publish(&scope, "n", Bytes::from_static(b"last")).await.unwrap();
    events.stop(Duration::from_secs(1)).await.unwrap();
    assert!(events.subscribe(&scope, "n").await.is_err());
    assert_eq!(subscription.next().await.unwrap().body, "last");
    assert_eq!(subscription.next().await, None);
}

#[tokio::test]
async fn a_subscription_outlives_its_service_and_says_so() {
    let events = events(EventConfig::default());
    let mut subscription = events.subscribe(&plugin("a/b"), "n").await.unwrap();
    let ceiling = Duration::from_secs(30);
    let (next, ()) = tokio::join!(tokio::time::timeout(ceiling, subscription.next()), async { drop(events) });
    assert_eq!(next.expect("the end of the service wakes who waits"), None);
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_no_message() {
    let (events, scope) = (events(EventConfig::default()), plugin("a/b"));
    let mut subscription = events.subscribe(&scope, "n").await.unwrap();
    assert_eq!(waiting(&mut *subscription), []);
    events.publish(&scope, "n", Bytes::from_static(b"1")).await.unwrap();
    assert_eq!(subscription.next().await.unwrap().body, "1");
}
