//! What comes out when a request, a plugin or a handler is wrong.

use std::time::Duration;

use plugdock_contracts::error::CrashCause;
use plugdock_contracts::{ByteSize, ErrorCode, ExecutionRequest, Fault};
use serde_json::json;

use super::workspace::HOSTS_OWN_PROCESS;
use crate::harness::{Harness, code};

pub(crate) async fn input_of_another_shape_is_a_validation_error(h: &mut Harness) {
    let error = h.error(h.request("add", "no pair")).await;
    assert_eq!((code(&error), error.fault()), (ErrorCode::ValidationError, Fault::Caller), "{error}");
    assert!(error.help().is_some());
    assert!(error.message().contains("column"), "it says where the shape differs: {error:?}");
}

pub(crate) async fn an_unknown_handler_is_named_with_those_there_are(h: &mut Harness) {
    let error = h.error(h.request("missing", &())).await;
    assert_eq!(code(&error), ErrorCode::HandlerNotFound);
    assert!(error.message().contains("missing"), "{error}");
    assert!(error.help().unwrap().contains("echo"), "{:?}", error.help());
}

pub(crate) async fn an_unknown_plugin_is_named(h: &mut Harness) {
    let error = h.error(ExecutionRequest::new("acme/missing", "echo").unwrap()).await;
    assert_eq!(code(&error), ErrorCode::HandlerNotFound);
    assert!(error.message().contains("acme/missing") && error.help().is_some(), "{error}");
}

pub(crate) async fn an_error_keeps_every_property(h: &mut Harness) {
    let error = h.error(h.request("fail", &())).await;
    assert_eq!(error.code().as_str(), "ROW_MALFORMED");
    assert_eq!(error.message(), "row 3 has 2 columns");
    assert_eq!((error.is_retryable(), error.fault()), (true, Fault::Caller));
    assert_eq!(error.help(), Some("give each row 3 columns"));
    assert_eq!(error.details(), &json!({ "row": 3, "columns": [1, 2] }));
    assert_eq!(error.chain(), ["the outer cause", "the inner cause"]);
}

pub(crate) async fn the_sources_of_an_error_survive(h: &mut Harness) {
    let error = h.error(h.request("fail-with-source", &())).await;
    assert_eq!((code(&error), error.message()), (ErrorCode::HandlerError, "the outer cause"));
    assert_eq!(error.chain(), ["the inner cause"]);
}

pub(crate) async fn a_panic_is_an_error_with_its_place(h: &mut Harness) {
    let error = h.error(h.request("panic", "oh no")).await;
    assert_eq!((code(&error), error.message()), (ErrorCode::HandlerPanic, "oh no"));
    assert!(error.location().unwrap().contains("failing.rs:"), "{:?}", error.location());
    assert_eq!(error.backtrace(), None, "nobody asked for it");
    assert_eq!(h.value::<i32>("echo", &1).await, 1, "the next execution is unharmed");
}

pub(crate) async fn a_panic_of_a_blocking_handler_is_the_same(h: &mut Harness) {
    let error = h.error(h.request("panic-blocking", "oh no")).await;
    assert_eq!((code(&error), error.message()), (ErrorCode::HandlerPanic, "oh no"));
    assert!(error.location().unwrap().contains("failing.rs:"), "{:?}", error.location());
}

pub(crate) async fn a_backtrace_comes_when_it_is_asked_for(h: &mut Harness) {
    let mut request = h.request("panic", "oh no");
    request.debug.backtrace = true;
    assert!(!h.error(request).await.backtrace().unwrap().is_empty());
}

pub(crate) async fn a_result_without_a_json_form_breaks_the_contract(h: &mut Harness) {
    assert_eq!(code(&h.error(h.request("answer-no-json", &())).await), ErrorCode::HandlerContractError);
}

pub(crate) async fn configuration_of_another_shape_is_an_error(h: &mut Harness) {
    let mut request = h.request("config", &());
    request.descriptor.config = json!({ "depth": "deep" });
    let error = h.error(request).await;
    assert_eq!(code(&error), ErrorCode::HandlerError);
    assert!(error.message().contains("configuration"), "{error}");
}

pub(crate) async fn a_request_that_is_not_acceptable_is_refused_with_every_fault(h: &mut Harness) {
    let mut request = h.request("echo", &1).with_call_timeout(std::time::Duration::ZERO);
    request.limits.memory = Some(ByteSize::default());
    let error = h.error(request).await;
    assert_eq!(code(&error), ErrorCode::ValidationError);
    assert_eq!(error.chain().len(), 2, "{:?}", error.chain());
}

pub(crate) async fn an_input_over_the_limit_is_too_large(h: &mut Harness) {
    let mut request = h.request("echo", &"x".repeat(200_000));
    request.limits.payload = Some(ByteSize::from_bytes(100_000));
    assert_eq!(code(&h.error(request).await), ErrorCode::PayloadTooLarge);
    assert_eq!(h.value::<i32>("echo", &1).await, 1, "the next execution is unharmed");
}

pub(crate) async fn a_result_over_the_limit_is_too_large(h: &mut Harness) {
    let mut request = h.request("repeat", &200_000);
    request.limits.payload = Some(ByteSize::from_bytes(100_000));
    assert_eq!(code(&h.error(request).await), ErrorCode::PayloadTooLarge);
}

pub(crate) async fn a_faulty_configuration_is_refused_with_every_fault(h: &mut Harness) {
    h.configure(|config| {
        (config.max_concurrent, config.handshake) = (0, Duration::ZERO);
        (config.pool.min, config.pool.max, config.pool.depth) = (3, 2, 0);
        config.workspace_root = "relative".into();
    });
    let error = h.refusal().await;
    assert_eq!(code(&error), ErrorCode::ValidationError);
    for field in ["max_concurrent", "handshake", "pool.min", "pool.depth", "workspace_root"] {
        assert!(error.message().contains(field), "{field} is missing in {error}");
    }
    assert_eq!(error.chain().len(), 5, "{:?}", error.chain());
}

pub(crate) async fn a_process_that_dies_tells_why_and_its_last_words(h: &mut Harness) {
    if !h.in_processes() {
        return h.not_applicable(HOSTS_OWN_PROCESS);
    }
    let error = h.error(h.request("die", "the last words")).await;
    assert_eq!(
        (code(&error), error.is_retryable()),
        (ErrorCode::WorkerCrashed, ErrorCode::WorkerCrashed.is_retryable())
    );
    assert!(matches!(error.cause(), Some(CrashCause::Signal { signal: 6, .. })), "{error:?}");
    let tail = error.stderr_tail();
    assert!(tail.iter().any(|line| line.contains("the last words")), "{tail:?}");
    assert_eq!(h.value::<i32>("echo", &1).await, 1, "the next execution is unharmed");
    assert_eq!(h.backend().await.stats().crashed, 1);
}

pub(crate) async fn a_program_that_does_not_start_is_explained(h: &mut Harness) {
    if !h.in_processes() {
        return h.not_applicable(HOSTS_OWN_PROCESS);
    }
    h.break_program();
    let error = h.error(h.request("echo", &1)).await;
    assert_eq!(code(&error), ErrorCode::SpawnFailed);
    assert!(error.help().is_some(), "{error:?}");
}
