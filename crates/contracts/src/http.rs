//! Requests over HTTP that the host makes for a plugin: what is asked, what comes back, and who does it.
//! Nothing here resolves, connects or sends; which requests a plugin may make is said by its permissions.

use std::time::Duration;

use bytes::Bytes;

use crate::permission::Permissions;
use crate::service::{ServiceResult, ServiceScope};

/// One request, already checked against the grants where that can be said before names are resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The method, for example `GET`.
    pub method: String,
    /// The URL, as the plugin wrote it.
    pub url: String,
    /// Names and values, in order; a name may stand there several times.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// The plugin's own bound on the whole exchange; what is left of the execution's time holds beside it.
    pub timeout: Option<Duration>,
    /// The plugin's own bound on the answer's body; the host's holds beside it.
    pub max_bytes: Option<u64>,
}

impl HttpRequest {
    /// A request without headers, body and bounds of its own.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            timeout: None,
            max_bytes: None,
        }
    }
}

/// What came back. Every status is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpResponse {
    /// The status, for example 200.
    pub status: u16,
    /// Names and values, in order; a name may stand there several times.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// Where the answer came from, after redirects.
    pub url: String,
    /// How many redirects were followed.
    pub redirects: u32,
}

impl HttpResponse {
    /// An answer without headers and body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), url: String::new(), redirects: 0 }
    }
}

/// Makes requests. It checks what cannot be said before: the address that a name resolves to, and each redirect, for which
/// it has the permissions and answers [`ServiceError::Denied`](crate::service::ServiceError::Denied).
pub trait HttpService: Send + Sync {
    /// Makes one request and reads its whole answer.
    fn send<'a>(
        &'a self,
        scope: &'a ServiceScope,
        permissions: &'a Permissions,
        request: HttpRequest,
    ) -> ServiceResult<'a, HttpResponse>;
}
