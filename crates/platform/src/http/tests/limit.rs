//! How many, how large and how long: E70 of the escape list, and that nothing stays behind.
//! Time is paused, so that a deadline costs no time.

use plugdock_contracts::ByteSize;
use plugdock_contracts::error::Resource;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fake_net::{Act, Service};
use super::*;

fn net(acts: Vec<Act>) -> Arc<FakeNet> {
    let service = Service::Plays(acts);
    FakeNet::new().name("a.x.com", &[&[PUBLIC]]).service("93.184.216.34:80", service).shared()
}

fn grants() -> Permissions {
    granted(&["http://a.x.com"])
}

const URL: &str = "http://a.x.com/";

fn sends(bytes: impl AsRef<[u8]>) -> Act {
    Act::Send(bytes.as_ref().to_vec())
}

/// Sends so many requests of a plugin at once, and returns the codes of their errors.
async fn flood(broker: &Arc<HttpBroker>, plugin: &'static str, count: usize) -> Vec<ErrorCode> {
    let mut flood = JoinSet::new();
    for _ in 0..count {
        let broker = Arc::clone(broker);
        flood.spawn(async move {
            let (scope, grants) = (scope_of(plugin, None), grants());
            broker.send(&scope, &grants, HttpRequest::new("GET", URL)).await.map_err(ExecutionError::from)
        });
    }
    let ended = flood.join_all().await;
    ended.into_iter().filter_map(Result::err).map(|error| error.code().clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_requests_hold_no_more_connections_than_one_plugin_may() {
    let net = net(vec![Act::Hang]);
    let broker = Arc::new(broker(&net));
    let codes = flood(&broker, "a/b", 10_000).await;
    let exhausted = codes.iter().filter(|code| **code == ErrorCode::ResourceExhausted).count();
    let timeouts = codes.iter().filter(|code| **code == ErrorCode::Timeout).count();
    assert_eq!(net.most_open(), 8);
    // 8 run, and 64 wait. When the first 8 time out as idle after 5 s the next 8 run, until all end at 10 s.
    assert_eq!((codes.len(), exhausted + timeouts), (10_000, 10_000));
    assert!((8..=24).contains(&timeouts), "{timeouts}");
    assert_eq!(net.n_open(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_plugins_together_hold_no_more_than_the_host_may() {
    let net = net(vec![Act::Hang]);
    let config = HttpConfig { max_connections: 3, max_connections_per_plugin: 2, ..HttpConfig::default() };
    let broker = Arc::new(broker_with(&net, config));
    let (one, other) = tokio::join!(flood(&broker, "a/one", 5), flood(&broker, "a/other", 5));
    assert_eq!((one.len() + other.len(), net.most_open(), net.n_open()), (10, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_holds_all_it_may_takes_nothing_from_another() {
    let net = net(vec![sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), Act::Hang]);
    let broker = Arc::new(broker(&net));
    let (_hog, other) = tokio::join!(flood(&broker, "a/hog", 1000), flood(&broker, "a/other", 8));
    // They ran at once and ended by standing still, not for want of a connection.
    assert_eq!(other, vec![ErrorCode::Timeout; 8]);
    assert_eq!(net.most_open(), 16);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_without_a_turn_names_the_setting() {
    let net = net(vec![Act::Hang]);
    let config = HttpConfig {
        max_connections_per_plugin: 1,
        max_waiting_per_plugin: 1,
        idle_after: Duration::from_mins(1),
        ..HttpConfig::default()
    };
    let broker = broker_with(&net, config);
    let grants = grants();
    let mut waits = HttpRequest::new("GET", URL);
    waits.timeout = Some(Duration::from_secs(1));
    let (first, second, third) =
        tokio::join!(get(&broker, &grants, URL), send(&broker, &grants, waits), get(&broker, &grants, URL));
    assert_eq!(code_of(first), ErrorCode::Timeout);
    let second = error_of(second);
    assert_eq!((second.code(), second.resource()), (&ErrorCode::ResourceExhausted, Some(Resource::Quota)));
    assert!(second.message().contains("`http.max_connections_per_plugin`"), "{second}");
    let third = error_of(third);
    assert_eq!(*third.code(), ErrorCode::ResourceExhausted);
    assert!(third.message().contains("`http.max_waiting_per_plugin`"), "{third}");
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_or_malformed_waits_for_no_turn() {
    let net = net(vec![Act::Hang]);
    let config = HttpConfig { max_connections: 1, max_connections_per_plugin: 1, ..HttpConfig::default() };
    let (broker, grants, start) = (broker_with(&net, config), grants(), Instant::now());
    let others = async {
        let denied = code_of(get(&broker, &grants, "http://b.x.com/").await);
        let malformed = code_of(send(&broker, &grants, HttpRequest::new("get", URL)).await);
        (denied, malformed, start.elapsed())
    };
    let (held, others) = tokio::join!(get(&broker, &grants, URL), others);
    assert_eq!(others, (ErrorCode::PermissionDenied, ErrorCode::ValidationError, Duration::ZERO));
    assert_eq!(code_of(held), ErrorCode::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_reads_slowly_is_not_standing_still() {
    let net = FakeNet::new().name("a.x.com", &[&[PUBLIC]]).service("93.184.216.34:80", Service::Slow);
    let (net, start) = (net.shared(), Instant::now());
    let mut request = HttpRequest::new("POST", URL);
    request.body = vec![0; 8 * 1024].into();
    assert_eq!(send(&broker(&net), &grants(), request).await.unwrap().status, 204);
    assert!(start.elapsed() > Duration::from_secs(6), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_dribbles_ends_with_the_deadline() {
    let drop = Act::Forever(b"x".to_vec(), Duration::from_secs(1));
    let rows = [
        vec![drop.clone()],
        vec![sends("HTTP/1.1 200 OK\r\nX-A: "), drop.clone()],
        vec![sends("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), drop],
        vec![Act::Forever(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), Duration::from_secs(1))],
    ];
    for (row, acts) in rows.into_iter().enumerate() {
        let (net, start) = (net(acts), Instant::now());
        let result = get(&broker(&net), &grants(), URL).await;
        // The first one is no HTTP from its first byte.
        let expected = if row == 0 { ErrorCode::UnknownError } else { ErrorCode::Timeout };
        assert_eq!(code_of(result), expected, "{row}");
        assert!(start.elapsed() <= Duration::from_millis(10_010), "{row}");
        assert_eq!(net.n_open(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stands_still_ends_before_the_deadline() {
    let rows = [
        (vec![Act::Hang], "get an answer from"),
        (
            vec![sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), Act::Hang],
            "receive all of the answer of",
        ),
    ];
    for (acts, step) in rows {
        let (net, start) = (net(acts), Instant::now());
        let error = error_of(get(&broker(&net), &grants(), URL).await);
        assert_eq!((error.code(), error.limit()), (&ErrorCode::Timeout, Some(Duration::from_secs(5))));
        assert!(error.message().contains(step) && error.message().contains("http://a.x.com"), "{error}");
        assert!(start.elapsed() < Duration::from_millis(5100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_reads_nothing_ends_too() {
    let net =
        FakeNet::new().name("a.x.com", &[&[PUBLIC]]).service("93.184.216.34:80", Service::Deaf).shared();
    let mut request = HttpRequest::new("POST", URL);
    request.body = vec![0; 1 << 20].into();
    assert_eq!(code_of(send(&broker(&net), &grants(), request).await), ErrorCode::Timeout);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_accept_is_left_for_the_next() {
    let net = FakeNet::new()
        .name("a.x.com", &[&[PUBLIC, OTHER]])
        .service("93.184.216.34:80", Service::Silent)
        .answers("93.184.216.35:80", "HTTP/1.1 204 No\r\n\r\n")
        .shared();
    let start = Instant::now();
    assert_eq!(get(&broker(&net), &grants(), URL).await.unwrap().status, 204);
    assert!(start.elapsed() >= Duration::from_secs(3) && start.elapsed() < Duration::from_millis(3100));
}

#[tokio::test(start_paused = true)]
async fn the_tightest_of_three_bounds_holds() {
    let secs = Duration::from_secs;
    let rows = [
        (None, None, secs(10)),
        (Some(secs(2)), None, secs(2)),
        (Some(secs(60)), None, secs(10)),
        (Some(secs(3)), Some(secs(1)), secs(1)),
        (None, Some(secs(4)), secs(4)),
    ];
    for (timeout, remaining, bound) in rows {
        let net = net(vec![sends("HTTP/1.1 200 OK\r\n\r\n"), Act::Forever(b"x".to_vec(), secs(1))]);
        let (broker, start) = (broker(&net), Instant::now());
        let mut request = HttpRequest::new("GET", URL);
        request.timeout = timeout;
        let error = error_of(broker.send(&scope_of("a/b", remaining), &grants(), request).await);
        assert_eq!((error.code(), error.limit()), (&ErrorCode::Timeout, Some(bound)));
        assert!(start.elapsed() >= bound && start.elapsed() < bound + Duration::from_millis(10));
    }
    let net = net(Vec::new());
    let over = broker(&net)
        .send(&scope_of("a/b", Some(Duration::ZERO)), &grants(), HttpRequest::new("GET", URL))
        .await;
    assert_eq!(code_of(over), ErrorCode::Timeout);
    let mut request = HttpRequest::new("GET", URL);
    request.timeout = Some(Duration::ZERO);
    assert_eq!(code_of(send(&broker(&net), &grants(), request).await), ErrorCode::ValidationError);
    assert_eq!(net.lookups(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_ends_at_the_cap() {
    let piece = vec![b'x'; 64 * 1024];
    let chunk = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    let now = Duration::ZERO;
    let rows = [
        // Until the connection closes, which it does not; in chunks; and with a length that says so beforehand.
        vec![sends("HTTP/1.1 200 OK\r\n\r\n"), Act::Forever(piece, now)],
        vec![sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Act::Forever(chunk, now)],
        vec![sends("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"), Act::Hang],
    ];
    for acts in rows {
        let net = net(acts);
        let error = error_of(get(&broker(&net), &grants(), URL).await);
        assert_eq!(*error.code(), ErrorCode::ResourceExhausted);
        assert!(error.message().contains("`http.max_response`"), "{error}");
        assert_eq!(net.n_open(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_requests_own_cap_is_its_own_mistake() {
    let net = net(vec![sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")]);
    for (max_bytes, fits) in [(9, false), (10, true), (u64::MAX, true)] {
        let mut request = HttpRequest::new("GET", URL);
        request.max_bytes = Some(max_bytes);
        let result = send(&broker(&net), &grants(), request).await;
        assert_eq!(result.is_ok(), fits, "{max_bytes}");
        if !fits {
            assert_eq!(code_of(result), ErrorCode::PayloadTooLarge);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_exactly_the_cap_fits_and_a_request_too() {
    let config = HttpConfig {
        max_response: ByteSize::from_bytes(10),
        max_request: ByteSize::from_bytes(4),
        ..HttpConfig::default()
    };
    let net = net(vec![sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")]);
    let broker = broker_with(&net, config);
    let mut request = HttpRequest::new("POST", URL);
    request.body = "body".into();
    assert!(send(&broker, &grants(), request.clone()).await.is_ok());
    request.body = "body!".into();
    assert_eq!(code_of(send(&broker, &grants(), request).await), ErrorCode::PayloadTooLarge);
    assert_eq!(net.dialled().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn heads_have_bounds() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: 1\r\n".repeat(101));
    let large = format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "x".repeat(70 * 1024));
    let endless = vec![sends("HTTP/1.1 200 OK\r\nX-A: "), Act::Forever(vec![b'x'; 8192], Duration::ZERO)];
    for acts in [vec![sends(many)], vec![sends(large)], endless] {
        let error = error_of(get(&broker(&net(acts)), &grants(), URL).await);
        assert_eq!(*error.code(), ErrorCode::ResourceExhausted, "{error}");
        assert!(error.message().contains("`http.max_header_bytes`"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_closes_its_connection_and_frees_its_turn() {
    let net = net(vec![sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), Act::Hang]);
    let config = HttpConfig { max_connections: 1, max_connections_per_plugin: 1, ..HttpConfig::default() };
    let broker = broker_with(&net, config);
    let grants = grants();
    for _ in 0..3 {
        let short = tokio::time::timeout(Duration::from_secs(1), get(&broker, &grants, URL));
        assert!(short.await.is_err());
        assert_eq!((net.n_open(), net.most_open()), (0, 1));
    }
    assert_eq!(net.dialled().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_compressed_answer_is_handed_over_as_it_came() {
    // The start of a gzip stream that would grow a thousandfold; the rest does not matter to who does not read it.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3][..], &[0; 1000]].concat();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let net = net(vec![sends(head), sends(&bomb)]);
    let response = get(&broker(&net), &grants(), URL).await.unwrap();
    assert_eq!(response.body, bomb);
    assert!(response.headers.contains(&("content-encoding".into(), "gzip".into())));
    assert!(!net.requests()[0].contains("accept-encoding"));
}
