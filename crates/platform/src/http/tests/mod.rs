//! The broker against a network that exists in memory only: names, addresses and services are tables.
//! No test here waits for a clock, and one alone opens a socket: it shows the parts that the others replace.

mod fake_net;
mod grant;
mod limit;
mod loopback;
mod rate;
mod redirect;
mod smuggling;
#[cfg(feature = "tls")]
mod tls;

use std::sync::Arc;
use std::time::Duration;

use plugdock_contracts::http::{HttpRequest, HttpResponse, HttpService};
use plugdock_contracts::permission::{Denial, Grant, PermissionKind, Permissions};
use plugdock_contracts::service::{ServiceError, ServiceScope};
use plugdock_contracts::{ErrorCode, ExecutionError, ExecutionId, PluginId};

use super::{HttpBroker, HttpConfig};
use fake_net::FakeNet;

/// A public address.
const PUBLIC: &str = "93.184.216.34";

/// Another one.
const OTHER: &str = "93.184.216.35";

fn broker_with(net: &Arc<FakeNet>, config: HttpConfig) -> HttpBroker {
    HttpBroker::new(config).unwrap().with_resolver(net.clone()).with_connector(net.clone())
}

fn broker(net: &Arc<FakeNet>) -> HttpBroker {
    broker_with(net, HttpConfig::default())
}

fn granted(scopes: &[&str]) -> Permissions {
    Permissions::from_grants([Grant::new(PermissionKind::NetHttp, scopes.iter().copied())]).unwrap()
}

fn scope_of(plugin: &str, remaining: Option<Duration>) -> ServiceScope {
    let mut scope = ServiceScope::new(PluginId::new(plugin).unwrap(), None, ExecutionId::generate());
    scope.remaining = remaining;
    scope
}

async fn send(
    broker: &HttpBroker,
    permissions: &Permissions,
    request: HttpRequest,
) -> Result<HttpResponse, ServiceError> {
    broker.send(&scope_of("a/b", None), permissions, request).await
}

async fn get(
    broker: &HttpBroker,
    permissions: &Permissions,
    url: &str,
) -> Result<HttpResponse, ServiceError> {
    send(broker, permissions, HttpRequest::new("GET", url)).await
}

/// The error as a plugin sees it.
fn error_of(result: Result<HttpResponse, ServiceError>) -> ExecutionError {
    ExecutionError::from(result.unwrap_err())
}

fn code_of(result: Result<HttpResponse, ServiceError>) -> ErrorCode {
    error_of(result).code().clone()
}

fn denial_of(result: Result<HttpResponse, ServiceError>) -> Denial {
    match result {
        Err(ServiceError::Denied(denial)) => denial,
        other => panic!("no denial: {other:?}"),
    }
}
