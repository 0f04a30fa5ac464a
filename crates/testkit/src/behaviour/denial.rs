//! Refusals: nothing is reached without a grant, and whoever watches sees the attempt.

use plugdock_contracts::ErrorCode;
use plugdock_contracts::backend::BackendEvent;
use plugdock_contracts::permission::{Grant, PermissionKind};
use serde_json::{Value, json};

use crate::harness::{Harness, code, within_ceiling};
use crate::plugin::{CALLEE, take_kept};

pub(crate) async fn every_service_is_denied_without_a_grant(h: &mut Harness) {
    let invoke = json!({ "plugin": CALLEE, "handler": "double", "input": 1 });
    let calls: [(&str, Value, &str); 7] = [
        ("cache", Value::Null, "cache"),
        ("state", Value::Null, "state"),
        ("storage", Value::Null, "storage"),
        ("publish", json!(["rows.added", "x"]), "events.publish"),
        ("subscribe", json!(["rows.*", 1]), "events.subscribe"),
        ("mirror", json!("flip"), "service.mirror"),
        ("invoke", invoke, "invoke"),
    ];
    for (handler, input, permission) in calls {
        let error = h.error(h.request_with(handler, &input, Vec::new())).await;
        assert_eq!(code(&error), ErrorCode::PermissionDenied, "{handler}");
        assert_eq!(error.details()["permission"], permission, "{error:?}");
        assert!(error.help().is_some_and(|help| help.contains(permission)), "{handler}: {:?}", error.help());
    }
}

pub(crate) async fn a_denial_is_audited_and_announced(h: &mut Harness) {
    let mut events = h.backend().await.subscribe();
    let request = h.request_with("state-get", "secret:1", Vec::new());
    let id = request.execution_id.clone();
    assert_eq!(code(&h.error(request).await), ErrorCode::PermissionDenied);
    let entries = h.services().audit.entries();
    let [entry] = &entries[..] else { panic!("one denial, not {entries:?}") };
    assert_eq!(
        (&entry.execution, entry.event.permission.as_str(), entry.event.subject.as_str()),
        (&id, "state", "secret:1")
    );
    within_ceiling("the announcement", async {
        loop {
            if let BackendEvent::Denied { execution, permission, subject, .. } = events.next().await.unwrap()
            {
                assert_eq!(
                    (execution, permission.as_str(), subject.as_str()),
                    (id.clone(), "state", "secret:1")
                );
                return;
            }
        }
    })
    .await;
}

pub(crate) async fn a_grant_covers_its_scope_and_nothing_else(h: &mut Harness) {
    let grants = vec![Grant::new(PermissionKind::State, ["mine"])];
    let get = |key: &str| h.request_with("state-get", key, grants.clone());
    for key in ["mine", "mine:1", "mine/a/b"] {
        assert!(h.outcome(get(key)).await.is_ok(), "{key}");
    }
    for key in ["mineral", "other", "mine:../other"] {
        assert_eq!(code(&h.error(get(key)).await), ErrorCode::PermissionDenied, "{key}");
    }
}

pub(crate) async fn a_context_that_outlives_its_execution_reaches_nothing(h: &mut Harness) {
    if h.in_processes() {
        return h.not_applicable("a context ends with its process");
    }
    h.value::<()>("keep", &()).await;
    let kept = take_kept().expect("the handler kept it");
    let error = within_ceiling("the refusal", kept.cache().get("a:1")).await.unwrap_err();
    assert_eq!(code(&error), ErrorCode::Aborted);
}
