//! What stands in for TLS where the feature `tls` is not built: a refusal that says so.
//! It never falls back to a connection without TLS.

use std::io;

use plugdock_contracts::permission::RequestUrl;
use plugdock_contracts::service::ServiceError;
use plugdock_contracts::{ErrorCode, ExecutionError};

use super::SERVICE;
use super::connector::ByteStream;

/// No TLS.
#[derive(Debug)]
pub(super) struct Tls;

/// Whom to trust: there is no such thing.
#[derive(Debug)]
pub(super) enum Trust {}

impl Tls {
    pub(super) fn system() -> Self {
        Self
    }

    /// Refuses, before anything is resolved.
    #[expect(clippy::unused_async, reason = "it has the form that it has with the feature")]
    pub(super) async fn trust(&self) -> Result<&Trust, ServiceError> {
        let text = format!("{SERVICE}: this host was built without TLS and cannot request https");
        let help = "build the host with the feature `tls` of plugdock-platform";
        Err(ServiceError::Execution(ExecutionError::new(ErrorCode::Unsupported, text).with_help(help)))
    }
}

impl Trust {
    #[expect(clippy::unused_async, reason = "it has the form that it has with the feature")]
    pub(super) async fn connect(
        &self,
        _url: &RequestUrl,
        _stream: Box<dyn ByteStream>,
    ) -> io::Result<Box<dyn ByteStream>> {
        match *self {}
    }
}
