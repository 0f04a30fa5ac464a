//! Variables, programs and requests that the host reads, runs and makes for a handler, as far as a grant reaches.
//! The suite's host has no service for programs and requests: what one does is its own tests' to say.

use plugdock_contracts::permission::{Grant, PermissionKind, Permissions};
use plugdock_contracts::{ErrorCode, ExecutionRequest};
use serde_json::{Value, json};

use crate::harness::{Harness, code};
use crate::plugin::BROKERED;

/// A variable that every test process has, and no worker.
const HOSTS_OWN: &str = "CARGO_MANIFEST_DIR";

fn request(h: &Harness, handler: &str, input: &Value, grants: &[Grant]) -> ExecutionRequest {
    let mut request = h.request_of(BROKERED, handler, input);
    request.descriptor.permissions = Some(Permissions::from_grants(grants.to_vec()).unwrap());
    request
}

pub(crate) async fn a_granted_variable_is_the_hosts(h: &mut Harness) {
    let grants = vec![Grant::new(PermissionKind::EnvRead, [HOSTS_OWN, "PLUGDOCK_NOBODY_SETS_*"])];
    let get = |name: &str| request(h, "env", &json!(name), &grants);
    let value: Option<String> = h.outcome(get(HOSTS_OWN)).await.into_value().unwrap();
    assert_eq!(value, std::env::var(HOSTS_OWN).ok(), "the host's value");
    assert!(value.is_some(), "there is one");
    let none: Option<String> = h.outcome(get("PLUGDOCK_NOBODY_SETS_THIS")).await.into_value().unwrap();
    assert_eq!(none, None);
    for (name, missing) in [("HOME", Some(r#"env.read scope "HOME""#)), ("A=B", None)] {
        let error = h.error(get(name)).await;
        assert_eq!(code(&error), ErrorCode::PermissionDenied, "{name}");
        assert_eq!(error.details()["missing"], json!(missing), "{name}");
    }
}

pub(crate) async fn a_program_needs_its_grant_and_a_host_that_runs_it(h: &mut Harness) {
    let grants = vec![Grant::new(PermissionKind::ShellExec, ["git"])];
    let run = |program: &str| request(h, "shell", &json!([program, ["log"]]), &grants);
    let error = h.error(run("git")).await;
    assert_eq!(code(&error), ErrorCode::Unsupported);
    assert!(error.message().contains("`shell`"), "{}", error.message());
    for (program, missing) in [
        ("sh", json!(r#"shell.exec scope "sh""#)),
        ("/tmp/git", json!(r#"shell.exec scope "/tmp/git""#)),
        ("./git", Value::Null),
    ] {
        let error = h.error(run(program)).await;
        assert_eq!(code(&error), ErrorCode::PermissionDenied, "{program}");
        assert_eq!(error.details()["missing"], missing, "{program}");
    }
}

pub(crate) async fn a_request_needs_its_grant_and_a_host_that_makes_it(h: &mut Harness) {
    let grants = vec![Grant::new(PermissionKind::NetHttp, ["https://api.example.com"])];
    let get = |url: &str| request(h, "http", &json!(url), &grants);
    let error = h.error(get("https://api.example.com/v1")).await;
    assert_eq!(code(&error), ErrorCode::Unsupported);
    assert!(error.message().contains("`http`"), "{}", error.message());
    for (url, missing) in [
        ("http://api.example.com/", json!(r#"net.http scope "http://api.example.com""#)),
        ("https://api.example.com:8443/", json!(r#"net.http scope "https://api.example.com:8443""#)),
        ("https://api.example.com.evil.io/", json!(r#"net.http scope "https://api.example.com.evil.io""#)),
        ("https://evil.io/?u=https://api.example.com", json!(r#"net.http scope "https://evil.io""#)),
        ("https://api.example.com@evil.io/", Value::Null),
        ("file:///etc/passwd", Value::Null),
    ] {
        let error = h.error(get(url)).await;
        assert_eq!(code(&error), ErrorCode::PermissionDenied, "{url}");
        assert_eq!(error.details()["missing"], missing, "{url}");
    }
    assert_eq!(code(&h.error(get("api.example.com")).await), ErrorCode::ValidationError);
}
