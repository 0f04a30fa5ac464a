//! Requests over HTTP, as the handler makes them: the host checks, resolves, connects and follows redirects.
//! It opens no connection itself.

use plugdock_contracts::error::ExecutionError;
use plugdock_contracts::host_call::{HostCall, HttpCall};
use plugdock_contracts::http::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::Ctx;
use super::service::{millis, unexpected};

/// Requests over HTTP.
#[derive(Debug, Clone)]
pub struct Http {
    ctx: Ctx,
}

/// The small part of an answer. What a newer host adds to it is not read.
#[derive(Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    url: String,
    redirects: u32,
}

impl Http {
    pub(super) fn new(ctx: Ctx) -> Self {
        Self { ctx }
    }

    /// Gets a URL. Every status is an answer, not an error.
    ///
    /// # Errors
    /// As [`Http::send`].
    pub async fn get(&self, url: &str) -> Result<HttpResponse, ExecutionError> {
        self.send(HttpRequest::new("GET", url)).await
    }

    /// Makes a request and reads its whole answer. Every status is an answer, not an error.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without the grant `net.http`, for an address that is never connected to and for a redirect to where
    /// no grant reaches; `VALIDATION_ERROR` for what is no request; `UNSUPPORTED` when the host makes none; and what the
    /// service answers.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ExecutionError> {
        let call = HttpCall::Send {
            method: request.method,
            url: request.url,
            headers: request.headers,
            timeout_ms: request.timeout.map(millis),
            max_bytes: request.max_bytes,
        };
        let reply = self.ctx.host(HostCall::Http(call), request.body).await?;
        let head: Head =
            serde_json::from_value(reply.value).map_err(|_other_shape| unexpected("http.send"))?;
        let mut response = HttpResponse::new(head.status);
        (response.headers, response.body) = (head.headers, reply.body);
        (response.url, response.redirects) = (head.url, head.redirects);
        Ok(response)
    }
}
