//! TLS with the certificates that the system trusts.
//! There is no switch that turns the check of a certificate off.

use std::fmt;
use std::io;
use std::sync::Arc;

use plugdock_contracts::permission::RequestUrl;
use plugdock_contracts::service::ServiceError;
use plugdock_contracts::{ErrorCode, ExecutionError};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::SERVICE;
use super::connector::ByteStream;

/// Speaks TLS 1.2 and 1.3 as a client.
#[derive(Debug)]
pub(super) struct Tls {
    trust: OnceCell<Trust>,
}

/// Whom to trust.
pub(super) struct Trust {
    connector: TlsConnector,
    /// Why there is nobody, if so.
    fault: Option<String>,
}

impl Tls {
    /// Trusts whom the system trusts when the first request needs to know. A host that makes no such request reads nothing.
    pub(super) fn system() -> Self {
        Self { trust: OnceCell::new() }
    }

    /// Trusts these.
    #[cfg(test)]
    pub(super) fn trusting(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        Self { trust: OnceCell::new_with(Some(Trust::of(certificates))) }
    }

    /// Whom to trust. Refuses, before anything is resolved, if no certificate could be found good.
    pub(super) async fn trust(&self) -> Result<&Trust, ServiceError> {
        let load = || async { tokio::task::spawn_blocking(Trust::of_the_system).await };
        let trust = self.trust.get_or_try_init(load).await;
        let fault = match trust {
            Ok(Trust { fault: Some(fault), .. }) => fault.clone(),
            Ok(trust) => return Ok(trust),
            Err(error) => error.to_string(),
        };
        let text = format!("{SERVICE}: cannot request https: {fault}");
        let help = "install the system's CA certificates, or name a file of them in SSL_CERT_FILE";
        Err(ServiceError::Execution(ExecutionError::new(ErrorCode::Unsupported, text).with_help(help)))
    }
}

impl Trust {
    /// Reads files.
    fn of_the_system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        let mut trust = Self::of(found.certs);
        if let Some(fault) = &mut trust.fault {
            for error in &found.errors {
                fault.push_str("; ");
                fault.push_str(&error.to_string());
            }
        }
        trust
    }

    /// What is no certificate is skipped, as other programs do with the system's collection.
    fn of(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        let (added, _skipped) = roots.add_parsable_certificates(certificates);
        let fault = (added == 0).then(|| "no root certificate was found".to_owned());
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring can do what is safe by default")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { connector: TlsConnector::from(Arc::new(config)), fault }
    }

    /// Agrees on TLS with the host that the URL names.
    pub(super) async fn connect(
        &self,
        url: &RequestUrl,
        stream: Box<dyn ByteStream>,
    ) -> io::Result<Box<dyn ByteStream>> {
        let name = match url.literal_address() {
            Some(address) => ServerName::from(address),
            None => ServerName::try_from(url.host()).map_err(io::Error::other)?,
        };
        let stream = self.connector.connect(name, stream).await?;
        Ok(Box::new(stream))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("fault", &self.fault).finish_non_exhaustive()
    }
}
