//! One request and its answer over one connection.
//! It opens no connection and follows no redirect; dropping the future closes the connection.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Request, Response, StatusCode};
use plugdock_contracts::http::HttpResponse;
use plugdock_contracts::permission::RequestUrl;
use plugdock_contracts::service::ServiceError;

use super::connector::ByteStream;
use super::deadline::Deadline;
use super::failure::{self, Step};
use super::http_config::HttpConfig;
use super::hyper_io::HyperIo;
use super::metered_stream::is_stalled;
use super::outgoing::Outgoing;
use super::{SERVICE, redirect};
use crate::setting::as_len;

/// Headers of an answer that are about its connection and its framing, both of which are over when the plugin sees it.
const OF_THE_CONNECTION: [HeaderName; 5] =
    [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE];

/// Room that is made before an answer's body came, whatever length it claims.
const FIRST_ROOM: usize = 64 * 1024;

/// How a hop ended.
pub(super) enum HopEnd {
    /// This is for the plugin.
    Answer(HttpResponse),
    /// It goes on elsewhere.
    Redirect(StatusCode, RequestUrl),
}

/// One hop's request, and what bounds it.
#[derive(Debug)]
pub(super) struct Exchange<'a> {
    pub(super) url: &'a RequestUrl,
    pub(super) outgoing: &'a Outgoing,
    pub(super) config: &'a HttpConfig,
    pub(super) deadline: Deadline,
    /// The plugin's own bound on the answer's body.
    pub(super) max_bytes: Option<u64>,
}

impl Exchange<'_> {
    /// Sends the request and reads the answer. Cancel safe in that nothing of it goes on once it is dropped.
    pub(super) async fn run(&self, stream: Box<dyn ByteStream>) -> Result<HopEnd, ServiceError> {
        let message = self.outgoing.to_message(self.url)?;
        let mut builder = http1::Builder::new();
        let _same = builder
            .max_headers(usize::try_from(self.config.max_headers).unwrap_or(usize::MAX))
            // Two bounds on one size: the first on what is kept of a head that does not end, the second on one that does.
            .max_buf_size(as_len(self.config.max_header_bytes))
            .max_header_size(as_len(self.config.max_header_bytes));
        let handshake = builder.handshake::<_, Full<Bytes>>(HyperIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| self.failed(Step::Answer, &error))?;
        let mut connection = pin!(connection);
        let mut work = pin!(self.talk(sender, message));
        let mut is_open = true;
        poll_fn(move |cx| {
            // What ends a connection is told to who waits for the answer, in its own words.
            if is_open && connection.as_mut().poll(cx).is_ready() {
                is_open = false;
            }
            work.as_mut().poll(cx)
        })
        .await
    }

    async fn talk(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        message: Request<Full<Bytes>>,
    ) -> Result<HopEnd, ServiceError> {
        let origin = self.url.origin();
        let answer = self.deadline.bound(Step::Answer, &origin, sender.send_request(message)).await?;
        let answer = answer.map_err(|error| self.failed(Step::Answer, &error))?;
        let (status, headers) = (answer.status(), answer.headers());
        if let Some(target) = redirect::target(self.url, self.outgoing, status, headers)? {
            return Ok(HopEnd::Redirect(status, target));
        }
        let mut response = HttpResponse::new(status.as_u16());
        response.headers = texts(headers);
        response.body = self.deadline.bound(Step::Receive, &origin, self.read(answer)).await??;
        self.url.as_str().clone_into(&mut response.url);
        Ok(HopEnd::Answer(response))
    }

    async fn read(&self, answer: Response<Incoming>) -> Result<Bytes, ServiceError> {
        let mut incoming = answer.into_body();
        let claimed = incoming.size_hint().lower();
        self.check_size(claimed)?;
        let room = usize::try_from(claimed).unwrap_or(usize::MAX).min(FIRST_ROOM);
        let mut body = Vec::with_capacity(room);
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| self.failed(Step::Receive, &error))?;
            if let Some(data) = frame.data_ref() {
                self.check_size((body.len() + data.len()) as u64)?;
                body.extend_from_slice(data);
            }
        }
        Ok(body.into())
    }

    /// Of the two bounds the tighter one says what is wrong: the plugin's own is its mistake, the host's is a resource.
    fn check_size(&self, size: u64) -> Result<(), ServiceError> {
        let host = self.config.max_response;
        match self.max_bytes {
            Some(limit) if size > limit && limit <= host.bytes() => {
                Err(ServiceError::TooLarge { service: SERVICE, size, limit })
            }
            _ if size > host.bytes() => Err(failure::answer_too_large(&self.url.origin(), host)),
            _ => Ok(()),
        }
    }

    fn failed(&self, step: Step, error: &hyper::Error) -> ServiceError {
        let origin = self.url.origin();
        if is_stalled(error) {
            failure::stalled(step, &origin, self.config.idle_after)
        } else if is_head_too_large(error) {
            failure::head_too_large(&origin)
        } else {
            failure::failed(step, &origin, error)
        }
    }
}

/// hyper has a question for it only where it is built as a server; a test notices if the text changes.
fn is_head_too_large(error: &hyper::Error) -> bool {
    error.is_parse() && error.to_string() == "message head is too large"
}

/// Names and values as texts. A value that is no UTF-8 is read as Latin-1, in which every byte is a character.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(name));
    let kept = kept.filter(|(name, _)| !matches!(name.as_str(), "keep-alive" | "proxy-connection"));
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    };
    kept.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}
