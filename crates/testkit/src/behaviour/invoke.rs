//! Nested calls: one handler calls another through the host, with no more than it has itself.

use std::time::Duration;

use plugdock_contracts::error::Resource;
use plugdock_contracts::permission::{Grant, PermissionKind};
use plugdock_contracts::request::MAX_INVOKE_DEPTH;
use plugdock_contracts::{ErrorCode, RequestId, TenantId, TraceContext};
use serde_json::{Value, json};

use crate::harness::{Harness, code};
use crate::plugin::CALLEE;

fn target(handler: &str, input: &Value) -> Value {
    json!({ "plugin": CALLEE, "handler": handler, "input": input })
}

pub(crate) async fn a_nested_call_answers(h: &mut Harness) {
    assert_eq!(h.value::<i64>("invoke", &target("double", &json!(21))).await, 42);
}

pub(crate) async fn a_nested_failure_keeps_its_code(h: &mut Harness) {
    let error = h.error(h.request("invoke", &target("fail", &Value::Null))).await;
    assert_eq!((error.code().as_str(), error.details()), ("CALLEE_FAILED", &json!({ "deep": true })));
    let error = h.error(h.request("invoke", &target("missing", &Value::Null))).await;
    assert_eq!(code(&error), ErrorCode::HandlerNotFound);
}

pub(crate) async fn a_nested_call_without_a_grant_is_denied(h: &mut Harness) {
    let grants = vec![Grant::new(PermissionKind::Invoke, ["acme/callee#double"])];
    let double = h.request_with("invoke", &target("double", &json!(1)), grants.clone());
    assert_eq!(h.outcome(double).await.into_value::<i64>().unwrap(), 2);
    let error = h.error(h.request_with("invoke", &target("fail", &Value::Null), grants)).await;
    assert_eq!(code(&error), ErrorCode::PermissionDenied);
    assert_eq!(error.details()["permission"], "invoke", "{error:?}");
}

pub(crate) async fn a_nested_call_never_gains_grants(h: &mut Harness) {
    // The callee's own manifest grants the cache; the caller has no such grant to pass on.
    let grants = vec![Grant::new(PermissionKind::Invoke, ["*"])];
    let error = h.error(h.request_with("invoke", &target("cache", &Value::Null), grants)).await;
    assert_eq!(code(&error), ErrorCode::PermissionDenied);
    assert_eq!(error.details()["permission"], "cache", "{error:?}");
}

pub(crate) async fn a_nested_call_inherits_tenant_request_and_trace(h: &mut Harness) {
    let mut request = h.request("invoke", &target("tell", &Value::Null));
    request.descriptor.tenant = Some(TenantId::new("tenant-1").unwrap());
    request.descriptor.request_id = Some(RequestId::new("req-7").unwrap());
    let trace = TraceContext::root();
    request.descriptor.trace = Some(trace.clone());
    let told: Value = h.outcome(request).await.into_value().unwrap();
    assert_eq!((&told["tenant"], &told["request"]), (&json!("tenant-1"), &json!("req-7")));
    let nested: TraceContext = serde_json::from_value(told["trace"].clone()).unwrap();
    assert_eq!(nested.trace_id(), trace.trace_id());
    assert_ne!(nested.span_id(), trace.span_id());
}

pub(crate) async fn a_cycle_of_calls_is_refused(h: &mut Harness) {
    let error = h.error(h.request("invoke", &target("back", &Value::Null))).await;
    assert_eq!(code(&error), ErrorCode::ValidationError);
    assert!(
        error.message().contains("acme/conformance#invoke -> acme/callee#back -> acme/conformance#invoke"),
        "{error}"
    );
}

pub(crate) async fn calls_nest_to_a_bounded_depth(h: &mut Harness) {
    let mut request = h.request("invoke", &target("double", &json!(1)));
    request.invoked_by = (1..MAX_INVOKE_DEPTH).map(|number| format!("acme/p{number}#h")).collect();
    let error = h.error(request.clone()).await;
    assert_eq!((code(&error), error.resource()), (ErrorCode::ResourceExhausted, Some(Resource::InvokeDepth)));
    request.invoked_by.pop();
    request.execution_id = plugdock_contracts::ExecutionId::generate();
    assert_eq!(h.outcome(request).await.into_value::<i64>().unwrap(), 2);
}

pub(crate) async fn nested_calls_need_no_slot_of_their_own(h: &mut Harness) {
    h.run_at_a_time(1);
    assert_eq!(h.value::<i64>("invoke", &target("double", &json!(1))).await, 2);
}

pub(crate) async fn a_nested_call_ends_with_its_caller(h: &mut Harness) {
    let mut request = h.request("invoke-slow", &());
    request.timeouts.call = Some(Duration::from_secs(20));
    let execution = h.ready(request).await;
    h.until_host_log("callee waits").await;
    execution.cancel("enough");
    assert_eq!(code(h.take_rest(execution, Vec::new()).await.outcome.error().unwrap()), ErrorCode::Aborted);
    h.until_host_log("callee stopped: the caller went away").await;
}
