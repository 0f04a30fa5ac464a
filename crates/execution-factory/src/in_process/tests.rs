//! What only a handler in the host's own process can do wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::{ExecutionBackend, ExecutionRequest, Shutdown};
use plugdock_platform::Platform;
use plugdock_plugin_runtime::{Ctx, HandlerError, Input, Output, Plugin, Registry};

use crate::{BackendConfig, create_execution_backend};

/// Longer than anything here takes: reached, something hangs.
const CEILING: Duration = Duration::from_secs(30);

async fn backend(plugin: Plugin, root: &std::path::Path) -> Arc<dyn ExecutionBackend> {
    let mut config = BackendConfig::in_process();
    config.workspace_root = root.join("workspaces");
    let registry = Registry::new().with(plugin).unwrap();
    create_execution_backend(config, registry, Arc::new(Platform::builder().build())).await.unwrap()
}

#[tokio::test]
async fn a_task_that_still_waits_for_input_keeps_nothing_from_ending() {
    let plugin = Plugin::new("acme/x", "1.0.0").channel(
        "leak",
        async |_ctx: Ctx, (): (), mut input: Input, _output: Output| {
            #[expect(clippy::disallowed_methods, reason = "the handler does what it should not")]
            drop(tokio::spawn(async move { while let Ok(Some(_)) = input.next().await {} }));
            Ok::<_, HandlerError>("done")
        },
    );
    let root = tempfile::tempdir().unwrap();
    let backend = backend(plugin, root.path()).await;
    let request = ExecutionRequest::new("acme/x", "leak").unwrap();
    let outcome = tokio::time::timeout(CEILING, backend.start(request).wait()).await.expect("it ends");
    assert!(outcome.is_ok(), "{:?}", outcome.error());
    tokio::time::timeout(CEILING, backend.shutdown(Shutdown::Now)).await.expect("it ends too");
}

#[tokio::test]
async fn who_sends_to_a_handler_that_dropped_its_input_is_told() {
    let plugin = Plugin::new("acme/x", "1.0.0").channel(
        "deaf",
        async |ctx: Ctx, (): (), input: Input, _output: Output| {
            drop(input);
            ctx.cancelled().await;
            Ok::<_, HandlerError>(())
        },
    );
    let root = tempfile::tempdir().unwrap();
    let backend = backend(plugin, root.path()).await;
    let mut execution = backend.start(ExecutionRequest::new("acme/x", "deaf").unwrap());
    let mut input = execution.input().unwrap();
    let refused = async { while input.send(Bytes::from_static(b"x")).await.is_ok() {} };
    tokio::time::timeout(CEILING, refused).await.expect("the sender is told");
    execution.cancel("enough");
    execution.wait().await;
    backend.shutdown(Shutdown::Now).await;
}
