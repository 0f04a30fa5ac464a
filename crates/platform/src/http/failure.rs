//! What can go wrong on the way to an answer, each with host, step and what to do.
//! Texts name the origin and never path, query or headers, which may hold a secret.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use plugdock_contracts::permission::{Denial, PermissionKind, RequestUrl, RequestUrlError};
use plugdock_contracts::service::ServiceError;
use plugdock_contracts::span::format_span;
use plugdock_contracts::{ByteSize, ErrorCode, ExecutionError};

use super::SERVICE;

/// A step of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Resolve,
    Connect,
    Tls,
    /// Until the head of the answer is there: what is sent is not told apart from what is waited for.
    Answer,
    Receive,
}

impl Step {
    fn help(self) -> &'static str {
        match self {
            Self::Resolve => "check the name, and whether the host of plugdock can resolve it",
            Self::Connect => "check whether the service listens there and the host of plugdock may reach it",
            Self::Tls => {
                "check the service's certificate: it must name this host and lead to a root that the host of plugdock trusts"
            }
            Self::Answer => {
                "try again, perhaps with more time; whether the service acted on the request is not known"
            }
            Self::Receive => "try again, perhaps with more time; the service has acted on the request",
        }
    }
}

/// Reads after "failed to", with the origin after it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve the host of",
            Self::Connect => "connect to",
            Self::Tls => "agree on TLS with",
            Self::Answer => "send the request and get an answer from",
            Self::Receive => "receive all of the answer of",
        })
    }
}

/// A step failed. The failure is the network's or the service's, so that another try may succeed.
pub(super) fn failed(step: Step, origin: &str, source: &(dyn Error + 'static)) -> ServiceError {
    let text = StepFailed { text: format!("{SERVICE}: failed to {step} {origin}"), source };
    let error = ExecutionError::from_error(ErrorCode::UnknownError, &text);
    ServiceError::Execution(error.with_retryable(true).with_help(step.help()))
}

/// The same where an address is worth naming.
pub(super) fn failed_at(origin: &str, address: SocketAddr, source: &(dyn Error + 'static)) -> ServiceError {
    let step = Step::Connect;
    let text = StepFailed { text: format!("{SERVICE}: failed to {step} {origin} at {address}"), source };
    let error = ExecutionError::from_error(ErrorCode::UnknownError, &text);
    ServiceError::Execution(error.with_retryable(true).with_help(step.help()))
}

/// Borrows the source, so that its chain becomes text before it goes.
#[derive(Debug)]
struct StepFailed<'a> {
    text: String,
    source: &'a (dyn Error + 'static),
}

impl fmt::Display for StepFailed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for StepFailed<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source)
    }
}

/// A step took too long.
pub(super) fn too_slow(step: Step, origin: &str, limit: Duration) -> ServiceError {
    let text = format!("{SERVICE}: failed to {step} {origin} within {}", format_span(limit));
    let error = ExecutionError::new(ErrorCode::Timeout, text);
    ServiceError::Execution(error.with_limit(limit).with_help(step.help()))
}

/// The connection stood still.
pub(super) fn stalled(step: Step, origin: &str, idle_after: Duration) -> ServiceError {
    let text = format!(
        "{SERVICE}: failed to {step} {origin}: nothing moved for {} (`http.idle_after`)",
        format_span(idle_after)
    );
    let error = ExecutionError::new(ErrorCode::Timeout, text);
    ServiceError::Execution(error.with_limit(idle_after).with_help(step.help()))
}

/// The execution's time was over before anything was done.
pub(super) fn no_time() -> ServiceError {
    let text = format!("{SERVICE}: no time was left to make the request");
    ServiceError::Execution(ExecutionError::new(ErrorCode::Timeout, text))
}

/// No name server knows an address.
pub(super) fn no_address(origin: &str) -> ServiceError {
    let text = format!("{SERVICE}: failed to {} {origin}: the name has no address", Step::Resolve);
    let error = ExecutionError::new(ErrorCode::UnknownError, text);
    ServiceError::Execution(error.with_retryable(true).with_help(Step::Resolve.help()))
}

/// The plugin has as many requests running and waiting as it may.
pub(super) fn too_many_waiting(running: u32, waiting: u32) -> ServiceError {
    quota(format!(
        "{running} requests of this plugin run (`http.max_connections_per_plugin`) and {waiting} wait \
         (`http.max_waiting_per_plugin`); wait for some of them to end"
    ))
}

/// No turn came in time.
pub(super) fn no_turn(setting: &str, connections: u32, limit: Duration) -> ServiceError {
    let limit = format_span(limit);
    quota(format!(
        "all {connections} connections (`{setting}`) are in use, and none became free within {limit}"
    ))
}

/// The answer is larger than the host takes.
pub(super) fn answer_too_large(origin: &str, limit: ByteSize) -> ServiceError {
    quota(format!(
        "the answer of {origin} is larger than the {limit} that an answer may have (`http.max_response`)"
    ))
}

/// What comes before the answer's body is larger than the host takes.
pub(super) fn head_too_large(origin: &str) -> ServiceError {
    quota(format!(
        "the answer of {origin} has more headers than `http.max_headers` and `http.max_header_bytes` take"
    ))
}

fn quota(reason: String) -> ServiceError {
    ServiceError::Quota { service: SERVICE, reason }
}

/// An argument is not acceptable.
pub(super) fn invalid(reason: impl Into<String>) -> ServiceError {
    ServiceError::Invalid { service: SERVICE, reason: reason.into() }
}

/// A redirect that cannot be followed for what it is.
pub(super) fn bad_redirect(origin: &str, source: &(dyn Error + 'static)) -> ServiceError {
    let text = StepFailed { text: format!("{SERVICE}: failed to follow the redirect of {origin}"), source };
    let help = "the service sent no usable `Location`; request the place it means directly";
    ServiceError::Execution(ExecutionError::from_error(ErrorCode::UnknownError, &text).with_help(help))
}

/// More redirects than are followed.
pub(super) fn too_many_redirects(origin: &str, limit: u32) -> ServiceError {
    let text = format!(
        "{SERVICE}: failed to follow the redirect of {origin}: {limit} were followed already (`http.max_redirects`)"
    );
    let help = "request the last place directly, or find out whether the service sends in circles";
    ServiceError::Execution(ExecutionError::new(ErrorCode::UnknownError, text).with_help(help))
}

/// A fixed rule refuses a URL whatever is granted.
pub(super) fn refused(url: &RequestUrl, rule: &(dyn Error + 'static)) -> ServiceError {
    // Without the query, which may hold a secret.
    let subject = format!("{}{}", url.origin(), url.path());
    ServiceError::Denied(Denial::by_rule(PermissionKind::NetHttp, &subject, rule.to_string()))
}

/// The refusal of a text that is a URL, but of a sort that is never requested; `None` if it is something else.
pub(super) fn refused_sort(error: &RequestUrlError) -> Option<ServiceError> {
    let subject = match error {
        RequestUrlError::Scheme { scheme } => format!("{scheme}:"),
        RequestUrlError::UserInfo => "a URL with user information".to_owned(),
        _ => return None,
    };
    Some(ServiceError::Denied(Denial::by_rule(PermissionKind::NetHttp, &subject, error.to_string())))
}

/// An address that the grant writes out is a metadata service's all the same.
#[derive(Debug, thiserror::Error)]
#[error("{address} is a cloud metadata address, which the host has to allow besides the grant")]
pub(super) struct MetadataRefused {
    pub(super) address: IpAddr,
}
