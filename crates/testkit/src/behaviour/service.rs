//! The host's services, as far as the grants reach.

use plugdock_contracts::error::Resource;
use plugdock_contracts::permission::{Grant, PermissionKind, Permissions, StateQuota};
use plugdock_contracts::{ErrorCode, TenantId};
use serde_json::{Value, json};

use crate::harness::{Harness, code};

pub(crate) async fn the_cache_answers(h: &mut Harness) {
    let told: Value = h.value("cache", &()).await;
    assert_eq!(told, json!({ "before": null, "after": "one", "deleted": true, "again": false }));
}

pub(crate) async fn the_state_answers_and_outlives_executions(h: &mut Harness) {
    let told: Value = h.value("state", &()).await;
    assert_eq!(told, json!({ "keys": ["k:1", "k:2"], "read": "two", "deleted": true, "missing": null }));
    assert_eq!(h.value::<Option<String>>("state-get", "k:2").await.as_deref(), Some("two"));
}

pub(crate) async fn state_is_kept_apart_by_tenant(h: &mut Harness) {
    h.value::<()>("state-set", &("k", "of none")).await;
    assert_eq!(h.value::<Option<String>>("state-get", "k").await.as_deref(), Some("of none"));
    let mut request = h.request("state-get", "k");
    request.descriptor.tenant = Some(TenantId::new("tenant-1").unwrap());
    assert_eq!(h.outcome(request).await.into_value::<Option<String>>().unwrap(), None);
}

pub(crate) async fn a_state_quota_is_enforced(h: &mut Harness) {
    let grants = [Grant::new(PermissionKind::State, ["*"])];
    let quota = StateQuota { max_entries: Some(1), ..StateQuota::default() };
    let permissions = Permissions::from_grants(grants).unwrap().with_state_quota(quota);
    let set = |key: &str| {
        let mut request = h.request("state-set", &(key, "x"));
        request.descriptor.permissions = Some(permissions.clone());
        request
    };
    assert!(h.outcome(set("one")).await.is_ok());
    let error = h.error(set("two")).await;
    assert_eq!((code(&error), error.resource()), (ErrorCode::ResourceExhausted, Some(Resource::Quota)));
    assert!(h.outcome(set("one")).await.is_ok(), "what is there may be written again");
}

pub(crate) async fn the_storage_answers(h: &mut Harness) {
    let told: Value = h.value("storage", &()).await;
    assert_eq!(told, json!({ "read": "contents", "names": ["dir/a.txt"], "deleted": true, "missing": null }));
}

pub(crate) async fn topics_carry_messages_between_executions(h: &mut Harness) {
    let listener = h.ready(h.request("subscribe", &("rows.*", 2))).await;
    assert_eq!(h.value::<u64>("publish", &("rows.added", "seven")).await, 1);
    assert_eq!(h.value::<u64>("publish", &("columns.added", "nobody listens")).await, 0);
    assert_eq!(h.value::<u64>("publish", &("rows.removed", "three")).await, 1);
    let taken = h.take_rest(listener, Vec::new()).await;
    let messages: Vec<(String, String)> = taken.outcome.into_value().unwrap();
    let expected = [("rows.added", "seven"), ("rows.removed", "three")];
    assert_eq!(messages, expected.map(|(topic, text)| (topic.to_owned(), text.to_owned())));
}

pub(crate) async fn a_service_of_the_host_answers_and_refuses(h: &mut Harness) {
    let told: Value = h.value("mirror", "flip").await;
    assert_eq!(told["value"], json!({ "method": "flip", "args": { "x": 1 }, "plugin": "acme/conformance" }));
    assert_eq!(told["body"], "body");
    assert_eq!(code(&h.error(h.request("mirror", "refuse")).await), ErrorCode::ValidationError);
}
