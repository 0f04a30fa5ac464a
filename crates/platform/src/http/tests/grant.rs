//! Which requests are made at all: URLs that look like a granted one, and addresses that no request may reach.
//! The table is E66 and E68 of the escape list.

use plugdock_contracts::ErrorCode;
use plugdock_contracts::permission::{AddressClass, AddressPolicy};

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn net() -> Arc<FakeNet> {
    FakeNet::new().name("api.x.com", &[&[PUBLIC]]).answers("93.184.216.34:80", OK).shared()
}

#[tokio::test]
async fn a_granted_request_is_sent_as_it_should_be() {
    let net = net();
    let mut request = HttpRequest::new("POST", "http://api.x.com/a%20b?q=1&r=%7B#part");
    request.headers = vec![("X-One".into(), "1".into()), ("x-one".into(), "ü".into())];
    request.body = "body".into();
    let response = send(&broker(&net), &granted(&["http://api.x.com"]), request).await.unwrap();
    assert_eq!((response.status, &response.body[..], response.redirects), (200, &b"ok"[..], 0));
    assert_eq!(response.url, "http://api.x.com/a%20b?q=1&r=%7B");
    assert_eq!(response.headers, [("content-length".to_owned(), "2".to_owned())]);
    assert_eq!(
        net.requests(),
        [
            "POST /a%20b?q=1&r=%7B HTTP/1.1\r\nhost: api.x.com\r\nconnection: close\r\nx-one: 1\r\nx-one: ü\r\n\
          content-length: 4\r\n\r\nbody"
        ]
    );
    assert_eq!(net.n_open(), 0);
}

#[tokio::test]
async fn what_only_looks_granted_is_denied_before_anything_is_resolved() {
    let denied = [
        "http://api.x.com.evil.io/",
        "http://api.x.com@evil.io/",
        "http://api.x.com:80@evil.io/",
        "http://evil.io/?u=api.x.com",
        "http://evil.io/#@api.x.com",
        "http://evil.io/api.x.com",
        "http://x.com/",
        "http://evilapi.x.com/",
        "http://xn--pi-7lc.x.com/",
        "http://аpi.x.com/",
        "http://api.x.com:8080/",
        "https://api.x.com/",
        "http://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://2130706433/",
        "http://127.1/",
        "http://[::1]/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "ftp://api.x.com/",
        "ws://api.x.com/",
    ];
    let (net, grants) = (net(), granted(&["http://api.x.com"]));
    let broker = broker(&net);
    for url in denied {
        let result = get(&broker, &grants, url).await;
        assert!(matches!(result, Err(ServiceError::Denied(_))), "{url}: {result:?}");
        assert_eq!(code_of(result), ErrorCode::PermissionDenied, "{url}");
    }
    assert_eq!(net.lookups(), [""; 0]);
    assert_eq!(net.dialled(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_url_is_a_mistake() {
    let (net, grants) = (net(), granted(&["http://api.x.com"]));
    for url in [
        "",
        "api.x.com",
        "http:///api.x.com",
        "http://api.x.com\\@evil.io",
        "http://api.x.com/\r\nX: y",
        "http://a b/",
    ] {
        assert_eq!(code_of(get(&broker(&net), &grants, url).await), ErrorCode::ValidationError, "{url}");
    }
    assert_eq!(net.dialled(), [""; 0]);
}

#[tokio::test]
async fn other_spellings_of_the_granted_host_are_the_granted_host() {
    for url in [
        "http://API.X.COM/",
        "http://api.x.com./",
        "http://api.x.com:80/",
        "HTTP://api.x.com",
        "http://%61pi.x.com/",
    ] {
        let net = net();
        let response = get(&broker(&net), &granted(&["http://api.x.com"]), url).await.unwrap();
        assert_eq!(response.url, "http://api.x.com/", "{url}");
        assert_eq!(net.lookups(), ["api.x.com"], "{url}");
        assert!(net.requests()[0].contains("\r\nhost: api.x.com\r\n"), "{url}");
    }
}

#[tokio::test]
async fn a_port_is_dialled_and_named() {
    let net = FakeNet::new().name("api.x.com", &[&[PUBLIC]]).answers("93.184.216.34:8080", OK).shared();
    get(&broker(&net), &granted(&["http://api.x.com:8080"]), "http://api.x.com:8080/").await.unwrap();
    assert!(net.requests()[0].contains("\r\nhost: api.x.com:8080\r\n"));
}

#[tokio::test]
async fn every_address_of_a_name_must_be_public() {
    let refused = [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "169.254.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ];
    for address in refused {
        for answer in [&[address][..], &[PUBLIC, address], &[address, PUBLIC]] {
            let net = FakeNet::new().name("api.x.com", &[answer]).answers("93.184.216.34:80", OK).shared();
            let denial = denial_of(
                get(&broker(&net), &granted(&["http://api.x.com"]), "http://api.x.com/p?secret").await,
            );
            let rule = denial.rule.unwrap();
            assert!(rule.contains("no request may connect to it"), "{address}: {rule}");
            assert_eq!(denial.subject, "http://api.x.com/p");
            assert_eq!(denial.missing_scope, None);
            assert_eq!(net.dialled(), [""; 0], "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_dialled_where_it_was_checked() {
    let net = FakeNet::new()
        .name("api.x.com", &[&[PUBLIC], &["127.0.0.1"]])
        .answers("93.184.216.34:80", OK)
        .answers("127.0.0.1:80", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhost")
        .shared();
    let (broker, grants) = (broker(&net), granted(&["http://api.x.com"]));
    assert_eq!(get(&broker, &grants, "http://api.x.com/").await.unwrap().body, "ok");
    assert_eq!((net.lookups().len(), net.dialled()), (1, vec!["93.184.216.34:80".to_owned()]));
    assert_eq!(code_of(get(&broker, &grants, "http://api.x.com/").await), ErrorCode::PermissionDenied);
    assert_eq!((net.lookups().len(), net.dialled().len()), (2, 1));
}

#[tokio::test]
async fn the_hosts_policy_can_allow_a_class() {
    let net = FakeNet::new().name("db.internal", &[&["10.0.0.7"]]).answers("10.0.0.7:80", OK).shared();
    let policy = AddressPolicy::public_only().allow_class(AddressClass::Private);
    let broker = broker(&net).with_policy(policy);
    assert!(get(&broker, &granted(&["http://db.internal"]), "http://db.internal/").await.is_ok());
}

#[tokio::test]
async fn a_grant_that_writes_out_an_address_allows_it_and_no_name_that_leads_there() {
    let net = FakeNet::new().name("api.x.com", &[&["127.0.0.1"]]).answers("127.0.0.1:80", OK).shared();
    let (broker, grants) = (broker(&net), granted(&["http://127.0.0.1", "http://api.x.com"]));
    assert!(get(&broker, &grants, "http://127.0.0.1/").await.is_ok());
    assert!(get(&broker, &grants, "http://2130706433/").await.is_ok());
    assert_eq!(code_of(get(&broker, &grants, "http://api.x.com/").await), ErrorCode::PermissionDenied);
    assert_eq!(
        code_of(get(&broker, &grants, "http://[::ffff:127.0.0.1]/").await),
        ErrorCode::PermissionDenied
    );
    assert_eq!(net.dialled(), ["127.0.0.1:80", "127.0.0.1:80"]);
}

#[tokio::test]
async fn a_metadata_service_needs_the_host_besides_the_grant() {
    let net = FakeNet::new().answers("169.254.169.254:80", OK).shared();
    let grants = granted(&["http://169.254.169.254"]);
    let denial = denial_of(get(&broker(&net), &grants, "http://169.254.169.254/").await);
    assert!(denial.rule.unwrap().contains("cloud metadata"));
    assert_eq!(net.dialled(), [""; 0]);
    let policy = AddressPolicy::public_only().allow_address("169.254.169.254".parse().unwrap());
    assert!(get(&broker(&net).with_policy(policy), &grants, "http://169.254.169.254/").await.is_ok());
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn https_without_tls_says_which_feature_is_missing() {
    let net = net();
    let error = error_of(get(&broker(&net), &granted(&["https://api.x.com"]), "https://api.x.com/").await);
    assert_eq!(*error.code(), ErrorCode::Unsupported);
    assert!(error.help().unwrap().contains("`tls`"));
    assert_eq!(net.lookups(), [""; 0]);
}

#[tokio::test]
async fn a_step_that_fails_is_named_with_its_host_and_what_to_do() {
    let net = FakeNet::new().name("down.x.com", &[&[PUBLIC, OTHER]]).name("none.x.com", &[&[]]).shared();
    let (broker, grants) = (broker(&net), granted(&["http://*.x.com"]));
    let rows = [
        ("http://gone.x.com/?k=1", "http: failed to resolve the host of http://gone.x.com"),
        (
            "http://none.x.com/",
            "http: failed to resolve the host of http://none.x.com: the name has no address",
        ),
        ("http://down.x.com/", "http: failed to connect to http://down.x.com at 93.184.216.35:80"),
    ];
    for (url, text) in rows {
        let error = error_of(get(&broker, &grants, url).await);
        assert_eq!(error.message(), text);
        assert!(error.is_retryable() && error.help().is_some());
    }
    assert_eq!(net.dialled(), ["93.184.216.34:80", "93.184.216.35:80"]);
}
