//! TLS against a server in memory: who is trusted, and that the URL's name is what a certificate must have.
//! The certificates are for these tests alone; their keys protect nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;

use plugdock_contracts::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::http::connector::{ByteStream, Connector};
use crate::http::tls::Tls;

const ROOT: &[u8] = include_bytes!("tls_fixture/root.der");
const LEAF: &[u8] = include_bytes!("tls_fixture/leaf.der");
const LEAF_KEY: &[u8] = include_bytes!("tls_fixture/leaf_key.der");

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";

/// Every address is a server with a certificate for `api.x.com`.
struct TlsNet {
    servers: Mutex<JoinSet<io::Result<Option<String>>>>,
    answer: &'static [u8],
    /// Whether the connection ends without TLS's own word for the end, as it does when somebody cuts it.
    is_cut: bool,
}

impl TlsNet {
    fn new(answer: &'static [u8], is_cut: bool) -> Arc<Self> {
        Arc::new(Self { servers: Mutex::default(), answer, is_cut })
    }

    /// The names that clients asked for, of those who trusted the server.
    async fn names(&self) -> Vec<Option<String>> {
        let servers = std::mem::take(&mut *self.servers.lock().unwrap());
        servers.join_all().await.into_iter().flatten().collect()
    }
}

async fn serve(stream: DuplexStream, answer: &[u8], is_cut: bool) -> io::Result<Option<String>> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(LEAF_KEY));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(LEAF)], key)
        .unwrap();
    let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
    let name = stream.get_ref().1.server_name().map(str::to_owned);
    let mut request = vec![0; 1024];
    let count = stream.read(&mut request).await?;
    assert!(request[..count].starts_with(b"GET / HTTP/1.1\r\nhost: "));
    stream.write_all(answer).await?;
    stream.flush().await?;
    if !is_cut {
        stream.shutdown().await?;
    }
    Ok(name)
}

impl Connector for TlsNet {
    fn connect(&self, _address: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        let (client, server) = duplex(64 * 1024);
        self.servers.lock().unwrap().spawn(serve(server, self.answer, self.is_cut));
        Box::pin(async { Ok(Box::new(client) as Box<dyn ByteStream>) })
    }
}

fn names() -> Arc<FakeNet> {
    FakeNet::new().name("api.x.com", &[&[PUBLIC]]).name("other.x.com", &[&[PUBLIC]]).shared()
}

fn trusting_broker(net: &Arc<TlsNet>, roots: &[&'static [u8]]) -> HttpBroker {
    let roots = roots.iter().map(|root| CertificateDer::from(*root));
    let broker = HttpBroker::new(HttpConfig::default()).unwrap();
    broker.with_resolver(names()).with_connector(net.clone()).with_tls(Tls::trusting(roots))
}

#[tokio::test]
async fn the_urls_name_is_asked_for_and_must_be_in_the_certificate() {
    let net = TlsNet::new(OK, false);
    let (broker, grants) = (trusting_broker(&net, &[ROOT]), granted(&["https://*.x.com"]));
    let response = get(&broker, &grants, "https://API.x.com./").await.unwrap();
    assert_eq!((response.url.as_str(), &response.body[..]), ("https://api.x.com/", &b"secret"[..]));
    let error = error_of(get(&broker, &grants, "https://other.x.com/").await);
    assert_eq!(error.message(), "http: failed to agree on TLS with https://other.x.com");
    assert!(error.chain().iter().any(|cause| cause.contains("certificate")), "{:?}", error.chain());
    assert_eq!(net.names().await, [Some("api.x.com".to_owned())]);
}

#[tokio::test]
async fn an_address_needs_a_certificate_of_its_own() {
    let net = TlsNet::new(OK, false);
    let broker = trusting_broker(&net, &[ROOT]);
    let error = error_of(get(&broker, &granted(&["https://127.0.0.1"]), "https://127.0.0.1/").await);
    assert_eq!(error.message(), "http: failed to agree on TLS with https://127.0.0.1");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_root_is_refused() {
    let net = TlsNet::new(OK, false);
    // The leaf itself is no root that its own signature leads to.
    let broker = trusting_broker(&net, &[LEAF]);
    let result = get(&broker, &granted(&["https://api.x.com"]), "https://api.x.com/").await;
    assert_eq!(error_of(result).message(), "http: failed to agree on TLS with https://api.x.com");
    assert_eq!(net.names().await, []);
}

#[tokio::test]
async fn without_roots_https_is_refused_before_anything_is_resolved() {
    let net = TlsNet::new(OK, false);
    let broker = trusting_broker(&net, &[]);
    let error = error_of(get(&broker, &granted(&["https://api.x.com"]), "https://api.x.com/").await);
    assert_eq!(*error.code(), ErrorCode::Unsupported);
    assert!(error.help().unwrap().contains("SSL_CERT_FILE"));
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_answer() {
    let net = TlsNet::new(b"HTTP/1.1 200 OK\r\n\r\nsec", true);
    let broker = trusting_broker(&net, &[ROOT]);
    let error = error_of(get(&broker, &granted(&["https://api.x.com"]), "https://api.x.com/").await);
    assert_eq!(error.message(), "http: failed to receive all of the answer of https://api.x.com");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_speak_tls_in_time_is_given_up() {
    let net =
        FakeNet::new().name("api.x.com", &[&[PUBLIC]]).service("93.184.216.34:443", fake_net::Service::Deaf);
    let net = net.shared();
    let roots = [CertificateDer::from(ROOT)];
    let broker = broker(&net).with_tls(Tls::trusting(roots));
    let error = error_of(get(&broker, &granted(&["https://api.x.com"]), "https://api.x.com/").await);
    assert_eq!((error.code(), error.limit()), (&ErrorCode::Timeout, Some(Duration::from_secs(3))));
    assert!(error.message().contains("agree on TLS"), "{error}");
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_denied_without_its_own_grant() {
    let net = TlsNet::new(b"HTTP/1.1 302 There\r\nLocation: http://api.x.com/\r\n\r\n", false);
    let broker = trusting_broker(&net, &[ROOT]);
    let denial = denial_of(get(&broker, &granted(&["https://api.x.com"]), "https://api.x.com/").await);
    assert_eq!(denial.missing_scope.as_deref(), Some("http://api.x.com"));
    assert_eq!(net.servers.lock().unwrap().len(), 1);
}
