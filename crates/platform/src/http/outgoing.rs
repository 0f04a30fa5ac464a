//! What is sent: method, headers and body, checked once, and changed only as a redirect asks.
//! Where it is sent, and whether it may be, is not here. How it is framed is hyper's: a plugin writes no header that frames.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use plugdock_contracts::http::HttpRequest;
use plugdock_contracts::permission::RequestUrl;
use plugdock_contracts::service::ServiceError;

use super::http_config::HttpConfig;
use super::{SERVICE, failure};

/// Headers that say how a message is framed, to whom it goes or what the connection is for. They are the host's.
const OF_THE_HOST: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that are for one origin only.
const CREDENTIALS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Headers about a body, which go when it goes.
const OF_THE_BODY: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::CONTENT_LOCATION];

/// A request without its URL.
#[derive(Debug)]
pub(super) struct Outgoing {
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Outgoing {
    /// Checks a plugin's request.
    pub(super) fn check(request: &HttpRequest, config: &HttpConfig) -> Result<Self, ServiceError> {
        let size = request.body.len() as u64;
        if size > config.max_request.bytes() {
            let limit = config.max_request.bytes();
            return Err(ServiceError::TooLarge { service: SERVICE, size, limit });
        }
        let method = checked_method(&request.method)?;
        let headers = checked_headers(&request.headers, config)?;
        Ok(Self { method, headers, body: request.body.clone() })
    }

    /// The message for one hop.
    pub(super) fn to_message(&self, url: &RequestUrl) -> Result<Request<Full<Bytes>>, ServiceError> {
        let (_, authority_and_path) = url.as_str().split_once("://").unwrap_or_default();
        let slash = authority_and_path.find('/').unwrap_or(authority_and_path.len());
        let (authority, path) = authority_and_path.split_at(slash);
        let refused = || failure::invalid("the URL holds a character that no request can; percent-encode it");
        let target = path.parse::<Uri>().map_err(|_inner| refused())?;
        let host = HeaderValue::from_str(authority).map_err(|_inner| refused())?;
        let mut message = Request::new(Full::new(self.body.clone()));
        *message.method_mut() = self.method.clone();
        *message.uri_mut() = target;
        let headers = message.headers_mut();
        headers.insert(header::HOST, host);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        // No name is in both: the plugin's are none of the host's.
        headers.extend(self.headers.clone());
        Ok(message)
    }

    /// Whether following a redirect with this status would send the body again.
    pub(super) fn resends_body(&self, status: StatusCode) -> bool {
        !self.body.is_empty() && !self.becomes_get(status)
    }

    /// Becomes what a redirect asks for. What is taken off does not come back at a later hop.
    pub(super) fn redirect(&mut self, status: StatusCode, to_other_origin: bool) {
        if self.becomes_get(status) {
            self.method = Method::GET;
            self.body = Bytes::new();
            for name in &OF_THE_BODY {
                self.headers.remove(name);
            }
        }
        if to_other_origin {
            for name in &CREDENTIALS {
                self.headers.remove(name);
            }
        }
    }

    /// As browsers do: a 303 always, a 301 or 302 for `POST`.
    fn becomes_get(&self, status: StatusCode) -> bool {
        match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD && self.method != Method::GET,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        }
    }
}

fn checked_method(text: &str) -> Result<Method, ServiceError> {
    let is_upper = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| is_upper && text.len() <= 32);
    match (method, text) {
        (None, _) => Err(failure::invalid(format!(
            "{:?} is no method; write one in capital letters, as in `GET`",
            shown(text)
        ))),
        (Some(_), "CONNECT" | "TRACE" | "TRACK") => Err(failure::invalid(format!(
            "{text} is not sent for a plugin: it is about connections, not content"
        ))),
        (Some(method), _) => Ok(method),
    }
}

fn checked_headers(given: &[(String, String)], config: &HttpConfig) -> Result<HeaderMap, ServiceError> {
    if given.len() as u64 > u64::from(config.max_headers) {
        let most = config.max_headers;
        return Err(failure::invalid(format!(
            "{} headers are more than the {most} of `http.max_headers`",
            given.len()
        )));
    }
    let size: u64 = given.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum();
    if size > config.max_header_bytes.bytes() {
        let most = config.max_header_bytes;
        return Err(failure::invalid(format!(
            "headers of {size} bytes are more than the {most} of `http.max_header_bytes`"
        )));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_inner| {
            failure::invalid(format!(
                "{:?} is no name of a header: letters, digits and `-` make one",
                shown(name)
            ))
        })?;
        if OF_THE_HOST.contains(&known.as_str()) {
            return Err(failure::invalid(format!(
                "the header `{known}` is written by the host; leave it out"
            )));
        }
        // The value itself is not shown: it may be a secret.
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_inner| {
            failure::invalid(format!(
                "the value of the header `{known}` holds a line break or another control character"
            ))
        })?;
        headers.append(known, value);
    }
    Ok(headers)
}

/// The start of a text, for an error.
fn shown(text: &str) -> &str {
    let end = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
    &text[..end]
}
