//! What comes out when everything goes well.

use plugdock_contracts::host_context::{HostContext, RestContext};
use plugdock_contracts::{ExecutionBackendExt as _, Payload, RequestId, TenantId, TraceContext};
use serde_json::{Value, json};

use crate::harness::{Harness, within_ceiling};
use crate::plugin::CONFORMANCE;

/// Bytes of the large payload: far above every buffer on the way, far below the limit.
const LARGE: usize = 8 << 20;

pub(crate) async fn a_typed_value_goes_in_and_out(h: &mut Harness) {
    let backend = h.backend().await;
    let pair = json!({ "a": 2, "b": 40 });
    let call = backend.call::<_, Value>(CONFORMANCE, "add", &pair);
    assert_eq!(within_ceiling("the call", call).await.unwrap(), json!({ "sum": 42 }));
    assert_eq!(
        h.value::<Value>("echo", &json!({ "deep": [1, { "x": null }] })).await,
        json!({ "deep": [1, { "x": null }] })
    );
}

pub(crate) async fn a_handler_without_a_result_answers_null(h: &mut Harness) {
    let outcome = h.outcome(h.request("nothing", &())).await;
    assert_eq!(outcome.result.unwrap(), Payload::null());
}

pub(crate) async fn eight_mebibytes_go_in_and_out(h: &mut Harness) {
    let text: String = (0..LARGE).map(|at| char::from(b'a' + u8::try_from(at % 26).unwrap())).collect();
    assert!(h.value::<String>("echo", &text).await == text, "the text came back changed");
}

pub(crate) async fn bytes_of_another_type_arrive_unchanged(h: &mut Harness) {
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let request = h.request("reverse", &()).with_payload(Payload::new(bytes.clone(), "application/x-rows"));
    let result = h.outcome(request).await.result.unwrap();
    assert_eq!(result.content_type(), "application/x-rows");
    assert!(result.as_bytes().iter().eq(bytes.iter().rev()), "the bytes came back changed");
}

pub(crate) async fn a_blocking_handler_answers(h: &mut Harness) {
    let taken = h.take(h.request("count", &100)).await;
    assert_eq!(taken.messages(), ["counting on a thread"]);
    assert_eq!(taken.outcome.into_value::<u64>().unwrap(), 5050);
}

pub(crate) async fn a_handler_is_told_about_its_execution(h: &mut Harness) {
    let mut request = h.request("tell", &());
    let rest = RestContext { method: "GET".to_owned(), path: "/rows".to_owned(), ..RestContext::default() };
    request.descriptor.host = HostContext::Rest(rest);
    request.descriptor.request_id = Some(RequestId::new("req-7").unwrap());
    request.descriptor.tenant = Some(TenantId::new("tenant-1").unwrap());
    let trace = TraceContext::root();
    request.descriptor.trace = Some(trace.clone());
    let id = request.execution_id.to_string();
    let told: Value = h.outcome(request).await.into_value().unwrap();
    assert_eq!(told["execution"], json!(id));
    assert_eq!((&told["plugin"], &told["handler"]), (&json!(CONFORMANCE), &json!("tell")));
    assert_eq!((&told["host"]["type"], &told["host"]["path"]), (&json!("rest"), &json!("/rows")));
    assert_eq!((&told["request"], &told["tenant"]), (&json!("req-7"), &json!("tenant-1")));
    assert_eq!(told["trace"], serde_json::to_value(&trace).unwrap());
    assert_eq!(told["pid"] != json!(std::process::id()), h.in_processes(), "it runs where the backend says");
}

pub(crate) async fn configuration_is_laid_over_defaults_host_and_request(h: &mut Harness) {
    let defaults_and_host: Value = h.value("config", &()).await;
    assert_eq!(defaults_and_host, json!({ "depth": 1, "names": ["host"], "colour": "host" }));
    let mut request = h.request("config", &());
    request.descriptor.config = json!({ "colour": "request", "depth": 3 });
    let all: Value = h.outcome(request).await.into_value().unwrap();
    assert_eq!(all, json!({ "depth": 3, "names": ["host"], "colour": "request" }));
}

pub(crate) async fn many_executions_at_once_keep_their_own_results(h: &mut Harness) {
    h.run_at_a_time(4);
    let mut running = Vec::new();
    for number in 0..24 {
        running.push((number, h.start(h.request("echo", &number)).await));
    }
    for (number, execution) in running {
        let outcome = h.take_rest(execution, Vec::new()).await.outcome;
        assert_eq!(outcome.into_value::<i32>().unwrap(), number);
    }
}

pub(crate) async fn a_plugin_is_warmed_up_before_its_first_call(h: &mut Harness) {
    assert_eq!(h.value::<u64>("warmed", &()).await, 1);
    assert_eq!(h.value::<u64>("warmed", &()).await, 1, "once where it runs, or once in each new process");
}
