//! The gate with services of the test's own: what they are told, and what becomes of their answers.
//! Which grant a call needs is tested where it is decided.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{HostCall, HostReply};
use plugdock_contracts::http::{HttpRequest, HttpResponse, HttpService};
use plugdock_contracts::permission::{Denial, Grant, PermissionKind, Permissions};
use plugdock_contracts::service::{ServiceError, ServiceResult, ServiceScope};
use plugdock_contracts::shell::{ShellOutput, ShellRequest, ShellService};
use plugdock_contracts::{BoxFuture, ExecutionRequest, Payload};
use plugdock_platform::{FileConfig, HostFiles, MemoryAudit, MemoryAuditConfig, Platform};
use serde_json::{Value, json};

use super::{Gate, GateParts, Invoke, Invoker};
use crate::engine::Announcer;

struct NoInvoker;

impl Invoker for NoInvoker {
    fn invoke(&self, _invoke: Invoke) -> BoxFuture<'static, Result<Payload, ExecutionError>> {
        Box::pin(async { Err(ExecutionError::new(ErrorCode::Unsupported, "nothing is invoked here")) })
    }
}

/// Answers what it was asked, and finds that `/moved` leads to where it never goes.
struct Mirror;

impl HttpService for Mirror {
    fn send<'a>(
        &'a self,
        _scope: &'a ServiceScope,
        permissions: &'a Permissions,
        request: HttpRequest,
    ) -> ServiceResult<'a, HttpResponse> {
        Box::pin(async move {
            assert!(!permissions.is_empty(), "it has what it checks redirects with");
            if request.url.ends_with("/moved") {
                let rule = "the address is private";
                let denial = Denial::by_rule(PermissionKind::NetHttp, "http://10.0.0.1", rule);
                return Err(ServiceError::Denied(denial));
            }
            let mut response = HttpResponse::new(201);
            response.headers = request.headers;
            (response.body, response.url, response.redirects) = (request.body, request.url, 1);
            Ok(response)
        })
    }
}

impl ShellService for Mirror {
    fn exec<'a>(
        &'a self,
        _scope: &'a ServiceScope,
        _permissions: &'a Permissions,
        request: ShellRequest,
    ) -> ServiceResult<'a, ShellOutput> {
        Box::pin(async move {
            let mut output = ShellOutput::exited(3);
            (output.stdout, output.stderr) = (request.stdin, Bytes::from(request.args.join(" ")));
            Ok(output)
        })
    }
}

struct Bench {
    gate: Arc<Gate>,
    audit: Arc<MemoryAudit>,
}

fn bench() -> Bench {
    let grants = [
        Grant::new(PermissionKind::FsRead, ["workspace", "artifacts", "plugin"]),
        Grant::new(PermissionKind::NetHttp, ["https://api.example.com"]),
        Grant::new(PermissionKind::ShellExec, ["git"]),
    ];
    let audit = Arc::new(MemoryAudit::new(&MemoryAuditConfig::default()).unwrap());
    let platform = Platform::builder()
        .with_fs(Arc::new(HostFiles::new(FileConfig::default()).unwrap()))
        .with_http(Arc::new(Mirror))
        .with_shell(Arc::new(Mirror))
        .with_audit(Arc::clone(&audit) as _)
        .build();
    let gate = Gate::new(GateParts {
        request: Arc::new(ExecutionRequest::new("acme/x", "go").unwrap()),
        permissions: Permissions::from_grants(grants).unwrap(),
        platform: Arc::new(platform),
        invoker: Arc::new(NoInvoker),
        announcer: Announcer::new(),
    });
    Bench { gate: Arc::new(gate), audit }
}

impl Bench {
    async fn call(
        &self,
        service: &str,
        method: &str,
        args: Value,
        body: &'static str,
    ) -> Result<HostReply, ExecutionError> {
        let call = HostCall::from_parts(service, method, args).unwrap();
        Arc::clone(&self.gate).call(call, Bytes::from_static(body.as_bytes())).await
    }

    async fn get(&self, path: &str) -> Result<HostReply, ExecutionError> {
        let url = format!("https://api.example.com{path}");
        self.call("http", "send", json!({ "url": url, "headers": [["a", "1"], ["a", "2"]] }), "asked").await
    }
}

#[tokio::test]
async fn a_request_and_its_answer_pass_whole() {
    let reply = bench().get("/v1").await.unwrap();
    let head = json!({
        "status": 201,
        "headers": [["a", "1"], ["a", "2"]],
        "url": "https://api.example.com/v1",
        "redirects": 1,
    });
    assert_eq!((reply.value, &reply.body[..]), (head, &b"asked"[..]));
}

#[tokio::test]
async fn what_only_a_service_could_see_is_denied_and_audited_like_any() {
    let bench = bench();
    let error = bench.get("/moved").await.unwrap_err();
    assert_eq!(*error.code(), ErrorCode::PermissionDenied);
    assert_eq!((&error.details()["permission"], error.help()), (&json!("net.http"), None));
    let entries = bench.audit.entries();
    let [entry] = &entries[..] else { panic!("one denial, not {entries:?}") };
    assert_eq!(entry.event.rule.as_deref(), Some("the address is private"));
    assert_eq!(entry.event.subject, "http://10.0.0.1");
}

#[tokio::test]
async fn a_program_is_given_its_arguments_and_tells_both_outputs() {
    let args = json!({ "program": "git", "args": ["log", "-1"] });
    let reply = bench().call("shell", "exec", args, "typed").await.unwrap();
    assert_eq!(reply.value, json!({ "code": 3, "signal": null, "stdout_bytes": 5 }));
    assert_eq!(&reply.body[..], b"typedlog -1");
}

#[tokio::test]
async fn roots_mean_the_directories_that_were_leased() {
    let root = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let dir = root.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("a"), name).unwrap();
        dir
    };
    let (bench, work, out, plugin) = (bench(), place("work"), place("out"), place("plugin"));
    let read = |path: &'static str| bench.call("fs", "read", json!({ "path": path }), "");
    assert_eq!(*read("a").await.unwrap_err().code(), ErrorCode::WorkspaceError, "none was leased yet");
    bench.gate.set_places(&work, &out, Some(&plugin));
    bench.gate.set_places(Path::new("/"), Path::new("/"), None);
    assert_eq!(read("a").await.unwrap().body, "work");
    assert_eq!(read("workspace/a").await.unwrap().body, "work");
    assert_eq!(read("artifacts/a").await.unwrap().body, "out");
    assert_eq!(read("plugin/a").await.unwrap().body, "plugin");
}
