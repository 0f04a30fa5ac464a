//! The service that makes requests: hop after hop, each checked like the first.
//! How bytes are framed, encrypted and metered is its neighbours' work.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use plugdock_contracts::ErrorChain;
use plugdock_contracts::http::{HttpRequest, HttpResponse, HttpService};
use plugdock_contracts::permission::{AddressClass, AddressPolicy, Permissions, RequestUrl};
use plugdock_contracts::service::{ServiceError, ServiceResult, ServiceScope};

use super::admission::{Admission, Admitted};
use super::connector::{ByteStream, Connector, TcpConnector};
use super::deadline::Deadline;
use super::exchange::{Exchange, HopEnd};
use super::failure::{self, MetadataRefused, Step};
use super::http_config::HttpConfig;
use super::metered_stream::{MeteredStream, is_stalled};
use super::outgoing::Outgoing;
use super::resolver::{Resolver, SystemResolver};
use super::tls::Tls;
use crate::setting::SettingErrors;

/// Addresses of one name that are tried, one after another. Each may take as long as a connection may.
const MAX_TRIES: usize = 3;

/// Makes plugins' requests from the host.
pub struct HttpBroker {
    config: HttpConfig,
    policy: AddressPolicy,
    resolver: Arc<dyn Resolver>,
    connector: Arc<dyn Connector>,
    tls: Tls,
    admission: Admission,
}

impl HttpBroker {
    /// A broker that asks the system's resolver, connects by TCP and reaches public addresses only. With the feature `tls` it
    /// trusts the certificates that the system trusts, as they are when the first request needs them.
    ///
    /// # Errors
    /// [`SettingErrors`] with everything that is wrong with the configuration.
    pub fn new(config: HttpConfig) -> Result<Self, SettingErrors> {
        SettingErrors::check(config.faults())?;
        let admission = Admission::new(&config);
        Ok(Self {
            config,
            policy: AddressPolicy::public_only(),
            resolver: Arc::new(SystemResolver::new()),
            connector: Arc::new(TcpConnector),
            tls: Tls::system(),
            admission,
        })
    }

    /// The same with another rule on addresses. It holds for every plugin, beside its grants.
    #[must_use]
    pub fn with_policy(mut self, policy: AddressPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The same with another source of addresses. What it answers is checked all the same.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// The same with another way to connect.
    #[must_use]
    pub fn with_connector(mut self, connector: Arc<dyn Connector>) -> Self {
        self.connector = connector;
        self
    }

    /// The same, trusting others than the system does.
    #[cfg(all(test, feature = "tls"))]
    pub(super) fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    async fn make(
        &self,
        scope: &ServiceScope,
        permissions: &Permissions,
        request: HttpRequest,
    ) -> Result<HttpResponse, ServiceError> {
        if request.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(failure::invalid(
                "a timeout of 0s leaves no time for a request; leave it out or raise it",
            ));
        }
        let deadline = Deadline::tightest(self.config.total_within, request.timeout, scope.remaining);
        if deadline.is_over() {
            return Err(failure::no_time());
        }
        let mut url = first_url(&request.url)?;
        // Asked here too, so that what is denied waits for nothing.
        check_grant(permissions, &url)?;
        let mut outgoing = Outgoing::check(&request, &self.config)?;
        let admitted = self.admission.admit(&scope.plugin, &deadline).await?;
        let mut redirects = 0;
        loop {
            let stream = self.open(permissions, &url, &admitted, deadline).await?;
            let exchange = Exchange {
                url: &url,
                outgoing: &outgoing,
                config: &self.config,
                deadline,
                max_bytes: request.max_bytes,
            };
            match exchange.run(stream).await? {
                HopEnd::Answer(mut response) => {
                    response.redirects = redirects;
                    return Ok(response);
                }
                HopEnd::Redirect(..) if redirects == self.config.max_redirects => {
                    return Err(failure::too_many_redirects(&url.origin(), redirects));
                }
                HopEnd::Redirect(status, target) => {
                    outgoing.redirect(status, !url.is_same_origin(&target));
                    url = target;
                    redirects += 1;
                }
            }
        }
    }

    /// Everything before the first byte of a hop's request.
    async fn open(
        &self,
        permissions: &Permissions,
        url: &RequestUrl,
        admitted: &Admitted,
        deadline: Deadline,
    ) -> Result<Box<dyn ByteStream>, ServiceError> {
        check_grant(permissions, url)?;
        let origin = url.origin();
        let trust = match url.scheme() {
            "http" => None,
            _ => Some(deadline.bound(Step::Tls, &origin, self.tls.trust()).await??),
        };
        let addresses = self.checked_addresses(url, deadline).await?;
        let stream = self.dial(url, &addresses, deadline).await?;
        let idle_after = self.config.idle_after;
        let stream = MeteredStream::new(stream, admitted.upload(), admitted.download(), idle_after);
        let Some(trust) = trust else { return Ok(Box::new(stream)) };
        let bound = deadline.at_most(self.config.connect_within);
        let secured = bound.bound(Step::Tls, &origin, trust.connect(url, Box::new(stream))).await?;
        secured.map_err(|error| {
            if is_stalled(&error) {
                failure::stalled(Step::Tls, &origin, idle_after)
            } else {
                failure::failed(Step::Tls, &origin, &error)
            }
        })
    }

    /// The addresses of the URL's host, each of which may be connected to.
    async fn checked_addresses(
        &self,
        url: &RequestUrl,
        deadline: Deadline,
    ) -> Result<Vec<IpAddr>, ServiceError> {
        if let Some(address) = url.literal_address() {
            // Only a pattern that writes the address out grants it, so that the grant stands for the policy.
            let is_metadata = AddressClass::of(address) == AddressClass::Metadata;
            return match self.policy.check(address) {
                Err(_refused) if is_metadata => Err(failure::refused(url, &MetadataRefused { address })),
                _ => Ok(vec![address]),
            };
        }
        let origin = url.origin();
        let host = url.host();
        let found = deadline.bound(Step::Resolve, &origin, self.resolver.resolve(&host)).await?;
        let found = found.map_err(|error| failure::failed(Step::Resolve, &origin, &error))?;
        if found.is_empty() {
            return Err(failure::no_address(&origin));
        }
        for address in &found {
            self.policy.check(*address).map_err(|refused| failure::refused(url, &refused))?;
        }
        Ok(found)
    }

    /// Connects to the first of the addresses that answers.
    async fn dial(
        &self,
        url: &RequestUrl,
        addresses: &[IpAddr],
        deadline: Deadline,
    ) -> Result<Box<dyn ByteStream>, ServiceError> {
        let origin = url.origin();
        let mut last = failure::no_address(&origin);
        for address in addresses.iter().take(MAX_TRIES) {
            let address = SocketAddr::new(*address, url.port());
            let bound = deadline.at_most(self.config.connect_within);
            match bound.bound(Step::Connect, &origin, self.connector.connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = failure::failed_at(&origin, address, &error),
                Err(too_slow) if deadline.is_over() => return Err(too_slow),
                Err(too_slow) => last = too_slow,
            }
        }
        Err(last)
    }
}

impl HttpService for HttpBroker {
    /// Cancel safe: when the future is dropped, its connection closes and its turn ends.
    fn send<'a>(
        &'a self,
        scope: &'a ServiceScope,
        permissions: &'a Permissions,
        request: HttpRequest,
    ) -> ServiceResult<'a, HttpResponse> {
        Box::pin(self.make(scope, permissions, request))
    }
}

impl fmt::Debug for HttpBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBroker")
            .field("config", &self.config)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn first_url(text: &str) -> Result<RequestUrl, ServiceError> {
    RequestUrl::parse(text).map_err(|error| {
        failure::refused_sort(&error).unwrap_or_else(|| failure::invalid(ErrorChain(&error).to_string()))
    })
}

fn check_grant(permissions: &Permissions, url: &RequestUrl) -> Result<(), ServiceError> {
    match permissions.net_http(url).into_result() {
        Ok(_rule) => Ok(()),
        Err(denial) => Err(ServiceError::Denied(denial)),
    }
}
