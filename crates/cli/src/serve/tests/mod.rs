//! Tests of the server with a backend that starts no process. What they share is here.

mod life;
mod listener;
mod session;

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::{ExecutionRequest, Payload};
use tokio::task::JoinHandle;

use super::peer::own_uid;
use super::server::Server;
use crate::fake_backend::FakeBackend;
use crate::protocol::Request;

/// Inputs may be this long; requests a megabyte longer.
const MAX_INPUT: usize = 1000;

/// A wait that never comes means that something hangs.
const HUNG: Duration = Duration::from_secs(30);

fn server(backend: &FakeBackend) -> Server {
    let uid = own_uid().unwrap();
    Server::new(Arc::new(backend.clone()), FakeBackend::choice(), uid, MAX_INPUT, Duration::from_secs(5))
}

#[expect(clippy::disallowed_methods, reason = "a test joins its tasks by their handles")]
fn spawn(future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(future)
}

async fn joined(handle: JoinHandle<()>) {
    tokio::time::timeout(HUNG, handle).await.expect("it ends in time").unwrap();
}

fn request(handler: &str) -> Request {
    let request = ExecutionRequest::new("acme/x", handler).unwrap().with_payload(Payload::json(&7).unwrap());
    Request::Call(Box::new(request))
}
