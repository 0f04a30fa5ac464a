//! Redirects: each is a request of its own, with less in it where it leaves its origin.
//! The first rows are E67 of the escape list.

use super::fake_net::{Act, Service};
use super::*;

fn to(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";

/// `a.x.com` answers this, `b.x.com` is done.
fn net(answer: &str) -> Arc<FakeNet> {
    FakeNet::new()
        .name("a.x.com", &[&[PUBLIC]])
        .name("b.x.com", &[&[OTHER]])
        .name("evil.io", &[&[OTHER]])
        .name("inner.x.com", &[&["10.0.0.1"]])
        .answers("93.184.216.34:80", answer)
        .answers("93.184.216.35:80", DONE)
        .answers("169.254.169.254:80", DONE)
        .answers("10.0.0.1:80", DONE)
        .shared()
}

#[tokio::test]
async fn a_redirect_to_what_is_not_granted_is_denied_at_the_hop() {
    let denied = [
        "http://evil.io/",
        "//evil.io/",
        "http://a.x.com@evil.io/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://inner.x.com/",
        "http://127.0.0.1/",
        "http://a.x.com:8080/",
        "https://a.x.com/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "data:text/plain,hi",
        "javascript:alert(1)",
    ];
    for location in denied {
        let net = net(&to(302, location));
        let result = get(&broker(&net), &granted(&["http://*.x.com"]), "http://a.x.com/").await;
        let denial = denial_of(result);
        assert_eq!(denial.kind, PermissionKind::NetHttp, "{location}");
        assert_eq!(net.dialled(), ["93.184.216.34:80"], "{location}");
    }
}

#[tokio::test]
async fn a_granted_redirect_is_followed_and_counted() {
    let net = net(&to(301, "http://b.x.com/there?x=1"));
    let response = get(&broker(&net), &granted(&["http://*.x.com"]), "http://a.x.com/").await.unwrap();
    assert_eq!((response.status, &response.body[..], response.redirects), (200, &b"done"[..], 1));
    assert_eq!(response.url, "http://b.x.com/there?x=1");
    assert_eq!(net.lookups(), ["a.x.com", "b.x.com"]);
    assert!(net.requests()[1].starts_with("GET /there?x=1 HTTP/1.1\r\nhost: b.x.com\r\n"));
}

#[tokio::test]
async fn a_name_is_resolved_and_checked_at_every_hop() {
    let net = FakeNet::new()
        .name("a.x.com", &[&[PUBLIC], &["127.0.0.1"]])
        .answers("93.184.216.34:80", to(302, "/again"))
        .answers("127.0.0.1:80", DONE)
        .shared();
    let denial = denial_of(get(&broker(&net), &granted(&["http://a.x.com"]), "http://a.x.com/").await);
    assert!(denial.rule.unwrap().contains("loopback"));
    assert_eq!(net.dialled(), ["93.184.216.34:80"]);
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let headers =
        [("Authorization", "Bearer s"), ("Cookie", "s=1"), ("Proxy-Authorization", "s"), ("X-Kept", "1")];
    let mut request = HttpRequest::new("GET", "http://a.x.com/");
    request.headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let grants = granted(&["http://*.x.com", "http://a.x.com:8080"]);
    for (location, stays) in [
        ("/other", true),
        ("http://a.x.com:80/", true),
        ("http://b.x.com/", false),
        ("http://a.x.com:8080/", false),
    ] {
        let first = Service::Plays(vec![Act::Send(to(307, location).into_bytes())]);
        let net = FakeNet::new()
            .name("a.x.com", &[&[PUBLIC], &[OTHER]])
            .name("b.x.com", &[&[OTHER]])
            .service("93.184.216.34:80", first)
            .answers("93.184.216.35:80", DONE)
            .answers("93.184.216.35:8080", DONE)
            .shared();
        send(&broker(&net), &grants, request.clone()).await.unwrap();
        let second = net.requests()[1].clone();
        for name in ["authorization: ", "cookie: ", "proxy-authorization: "] {
            assert_eq!(second.contains(&format!("\r\n{name}")), stays, "{location}: {second}");
        }
        assert!(second.contains("\r\nx-kept: 1\r\n"), "{location}");
    }
}

#[tokio::test]
async fn credentials_do_not_come_back_with_the_way_back() {
    let net = FakeNet::new()
        .name("a.x.com", &[&[PUBLIC], &["93.184.216.36"]])
        .name("b.x.com", &[&[OTHER]])
        .answers("93.184.216.34:80", to(302, "http://b.x.com/"))
        .answers("93.184.216.35:80", to(302, "http://a.x.com/"))
        .answers("93.184.216.36:80", DONE)
        .shared();
    let mut request = HttpRequest::new("GET", "http://a.x.com/");
    request.headers = vec![("Authorization".into(), "s".into())];
    send(&broker(&net), &granted(&["http://*.x.com"]), request).await.unwrap();
    assert!(net.requests()[0].contains("authorization"));
    assert!(!net.requests()[2].contains("authorization"));
}

#[tokio::test]
async fn method_and_body_change_as_the_status_says() {
    // Status, method before, method after, whether the body goes along.
    let rows = [
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (303, "POST", "GET", false),
        (303, "PUT", "GET", false),
        (303, "HEAD", "HEAD", true),
        (301, "PUT", "PUT", true),
        (302, "DELETE", "DELETE", true),
        (307, "POST", "POST", true),
        (308, "PATCH", "PATCH", true),
    ];
    for (status, before, after, keeps_body) in rows {
        let net = FakeNet::new()
            .name("a.x.com", &[&[PUBLIC], &[OTHER]])
            .answers("93.184.216.34:80", to(status, "/next"))
            .answers("93.184.216.35:80", "HTTP/1.1 204 Done\r\n\r\n")
            .shared();
        let mut request = HttpRequest::new(before, "http://a.x.com/");
        request.headers = vec![("Content-Type".into(), "text/plain".into())];
        request.body = "body".into();
        let response = send(&broker(&net), &granted(&["http://a.x.com"]), request).await.unwrap();
        let second = net.requests()[1].clone();
        assert_eq!(response.status, 204);
        assert!(second.starts_with(&format!("{after} /next ")), "{status} {before}: {second}");
        assert_eq!(second.ends_with("\r\n\r\nbody"), keeps_body, "{status} {before}");
        assert_eq!(second.contains("content-type"), keeps_body, "{status} {before}");
        assert_eq!(second.contains("content-length"), keeps_body, "{status} {before}");
    }
}

#[tokio::test]
async fn a_body_is_not_sent_again_to_another_origin() {
    for (status, method) in [(307, "POST"), (308, "POST"), (301, "PUT")] {
        let net = net(&to(status, "http://b.x.com/"));
        let mut request = HttpRequest::new(method, "http://a.x.com/");
        request.body = "body".into();
        let response = send(&broker(&net), &granted(&["http://*.x.com"]), request).await.unwrap();
        assert_eq!((response.status, response.redirects), (status, 0));
        assert!(response.headers.contains(&("location".into(), "http://b.x.com/".into())));
        assert_eq!(net.dialled(), ["93.184.216.34:80"]);
    }
}

#[tokio::test]
async fn circles_end() {
    for max_redirects in [0, 3, 10] {
        let net = net(&to(302, "/"));
        let config = HttpConfig { max_redirects, ..HttpConfig::default() };
        let result = get(&broker_with(&net, config), &granted(&["http://a.x.com"]), "http://a.x.com/").await;
        assert!(error_of(result).message().contains("`http.max_redirects`"));
        assert_eq!(net.dialled().len(), max_redirects as usize + 1);
    }
}

#[tokio::test]
async fn what_is_no_redirect_is_an_answer() {
    for answer in [
        to(200, "http://b.x.com/"),
        to(304, "http://b.x.com/"),
        to(300, "/"),
        "HTTP/1.1 302 There\r\n\r\n".into(),
    ] {
        let net = net(&answer);
        let response = get(&broker(&net), &granted(&["http://*.x.com"]), "http://a.x.com/").await.unwrap();
        assert_eq!((response.redirects, net.dialled().len()), (0, 1), "{answer}");
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_the_services_fault() {
    for location in ["http://", "http://a b/", "http://a.x.com/\\..", "/\r\nLocation: /other"] {
        let net = net(&to(302, location));
        let result = get(&broker(&net), &granted(&["http://*.x.com"]), "http://a.x.com/").await;
        assert_eq!(
            error_of(result).message(),
            "http: failed to follow the redirect of http://a.x.com",
            "{location}"
        );
        assert_eq!(net.dialled().len(), 1);
    }
}
