//! What the tests here share: a plugin, a worker that serves it, and a host that calls it.
//! Tasks run in sets that end with the test.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::health::{HealthIssue, HealthLevel, HealthReport};
use plugdock_contracts::{ExecutionId, HandlerId, PluginId};
use plugdock_ipc::LinkError;
use plugdock_ipc::frame::{Call, GoodbyeKind, Welcome};
use plugdock_ipc::handshake::greet;
use plugdock_ipc::link::LinkConfig;
use plugdock_ipc::link::host::{CallEvent, CallStart, HostCallHandle, HostEnd};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::ctx::Ctx;
use crate::descriptor::CallDescriptor;
use crate::handler::HandlerError;
use crate::plugin::Plugin;
use crate::stream::{Input, Output};
use crate::worker::{ServeConfig, ServeError, serve};

pub(super) fn plugin() -> Plugin {
    Plugin::new("acme/test", "1.0.0")
        .health(async || {
            HealthReport::of(vec![HealthIssue::new(HealthLevel::Degraded, "cold", "the cache is cold")])
        })
        .handler("echo", async |ctx: Ctx, text: String| {
            ctx.log().with("n", &1).info("echoing");
            ctx.progress(0.5, "half");
            Ok(text)
        })
        .handler("ask", async |ctx: Ctx, key: String| {
            let value = ctx.cache().get(&key).await?;
            Ok(value.map(|value| value.len()))
        })
        .handler("wait", async |ctx: Ctx, (): ()| -> Result<(), HandlerError> {
            ctx.cancelled().await;
            Err(HandlerError::message("stopped late"))
        })
        .handler("panic", async |_ctx: Ctx, (): ()| -> Result<(), HandlerError> { panic!("oh no") })
        .stream("count", async |_ctx: Ctx, n: u8, output: Output| {
            for i in 0..n {
                output.send(vec![i]).await?;
            }
            Ok(n)
        })
        .channel("relay", async |ctx: Ctx, name: String, mut input: Input, output: Output| {
            let id = ctx.execution_id().to_string();
            ctx.log().with("id", &id).info(&name);
            while let Some(piece) = input.next().await? {
                output.send([name.as_bytes(), &piece].concat()).await?;
            }
            Ok(id)
        })
        .concurrent()
        .channel("double", async |_ctx: Ctx, (): (), mut input: Input, output: Output| {
            while let Some(piece) = input.next().await? {
                output.send([&piece[..], &piece[..]].concat()).await?;
            }
            Ok(())
        })
}

/// A host and the worker it talks to.
pub(super) struct Pair {
    pub(super) end: HostEnd,
    pub(super) link: JoinSet<LinkError>,
    pub(super) worker: JoinSet<Result<(), ServeError>>,
}

pub(super) async fn connect() -> Pair {
    let (host, worker_pipe) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(worker_pipe);
    let built = Arc::new(plugin().build().unwrap());
    let mut worker = JoinSet::new();
    worker.spawn(serve(reader, writer, built, ServeConfig::new(Handle::current())));
    let (reader, writer) = tokio::io::split(host);
    let greeted = greet(reader, writer, Duration::from_secs(5)).await.unwrap();
    assert_eq!(greeted.hello().plugin_id, "acme/test");
    assert_eq!(greeted.hello().handlers.len(), 7);
    let session = greeted.welcome(Welcome::default()).await.unwrap();
    let (end, driver) = HostEnd::new(session, LinkConfig::default());
    let mut link = JoinSet::new();
    link.spawn(driver.run());
    Pair { end, link, worker }
}

impl Pair {
    pub(super) async fn call(&self, handler: &str, input: &str, n_input_streams: u32) -> HostCallHandle {
        let call = Call { n_input_streams, ..call_of(&ExecutionId::generate(), handler) };
        self.end.call(CallStart { call, input: Bytes::copy_from_slice(input.as_bytes()) }).await.unwrap()
    }

    /// Ends as a host does.
    pub(super) async fn goodbye(mut self) {
        self.end.goodbye(GoodbyeKind::Done, "");
        self.worker.join_next().await.unwrap().unwrap().unwrap();
        self.link.join_next().await.unwrap().unwrap();
    }
}

/// The frame of a call.
pub(super) fn call_of(id: &ExecutionId, handler: &str) -> Call {
    let plugin = PluginId::new("acme/test").unwrap();
    let descriptor = CallDescriptor::new(id.clone(), plugin, HandlerId::new(handler).unwrap());
    Call {
        handler: handler.to_owned(),
        descriptor: serde_json::to_string(&descriptor).unwrap(),
        content_type: "application/json".to_owned(),
        ..Call::default()
    }
}

pub(super) async fn next(call: &mut HostCallHandle) -> CallEvent {
    call.next().await.unwrap().expect("the call has not ended")
}

pub(super) async fn failure(call: &mut HostCallHandle) -> ExecutionError {
    loop {
        if let CallEvent::Error(report) = next(call).await {
            return (*report).into();
        }
    }
}
