//! Messages within messages: E71 of the escape list, in both directions.
//! What frames a request is hyper's, so that a plugin can only spoil it through names and values.

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn net(answer: &str) -> Arc<FakeNet> {
    FakeNet::new().name("a.x.com", &[&[PUBLIC]]).answers("93.184.216.34:80", answer).shared()
}

async fn with(
    net: &Arc<FakeNet>,
    method: &str,
    headers: &[(&str, &str)],
) -> Result<HttpResponse, ServiceError> {
    let mut request = HttpRequest::new(method, "http://a.x.com/");
    request.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    request.body = "body".into();
    send(&broker(net), &granted(&["http://a.x.com"]), request).await
}

#[tokio::test]
async fn headers_that_frame_or_break_lines_are_refused_before_anything_is_resolved() {
    let refused = [
        ("X-A", "1\r\nHost: evil.io"),
        ("X-A", "1\nHost: evil.io"),
        ("X-A", "1\rHost: evil.io"),
        ("X-A", "1\0"),
        ("X-A", "\u{7f}"),
        ("X-A\r\nHost", "evil.io"),
        ("X-A: 1\r\n\r\nGET", "/"),
        ("X A", "1"),
        ("X-A ", "1"),
        (" X-A", "1"),
        ("X-A:", "1"),
        ("", "1"),
        ("X-Ä", "1"),
        ("Host", "evil.io"),
        ("hOsT", "evil.io"),
        ("Content-Length", "0"),
        ("content-length", "4"),
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding ", "chunked"),
        ("Transfer\u{b}-Encoding", "chunked"),
        ("Connection", "keep-alive, x-secret"),
        ("Keep-Alive", "1"),
        ("Proxy-Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "x"),
        ("TE", "trailers"),
        ("Trailer", "X-A"),
        ("Expect", "100-continue"),
        (":authority", "evil.io"),
    ];
    let net = net(OK);
    for (name, value) in refused {
        let code = code_of(with(&net, "POST", &[(name, value)]).await);
        assert_eq!(code, ErrorCode::ValidationError, "{name:?}: {value:?}");
    }
    let twice = [("Content-Length", "0"), ("Content-Length", "4")];
    assert_eq!(code_of(with(&net, "POST", &twice).await), ErrorCode::ValidationError);
    assert_eq!(net.lookups(), [""; 0]);
}

#[tokio::test]
async fn an_error_about_a_header_does_not_show_its_value() {
    let error = error_of(with(&net(OK), "GET", &[("Authorization", "secret\n")]).await);
    assert!(error.message().contains("authorization") && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn too_many_and_too_large_headers_are_refused() {
    let (net, large) = (net(OK), "x".repeat(65 * 1024));
    assert_eq!(code_of(with(&net, "GET", &[("X-A", "1"); 101]).await), ErrorCode::ValidationError);
    assert_eq!(code_of(with(&net, "GET", &[("X-A", &large)]).await), ErrorCode::ValidationError);
    assert!(with(&net, "GET", &[("X-A", "1"); 100]).await.is_ok());
}

#[tokio::test]
async fn methods_that_are_none_or_open_tunnels_are_refused() {
    let net = net(OK);
    for method in ["", "get", "GET /x HTTP/1.1\r\nX:", "GE T", "CONNECT", "TRACE", "TRACK", "GET\r\n", "ÄT"]
    {
        assert_eq!(code_of(with(&net, method, &[]).await), ErrorCode::ValidationError, "{method:?}");
    }
    assert_eq!(net.dialled(), [""; 0]);
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH"] {
        assert!(with(&net, method, &[]).await.is_ok(), "{method}");
    }
}

#[tokio::test]
async fn a_body_that_looks_like_a_request_stays_a_body() {
    let net = net(OK);
    let mut request = HttpRequest::new("POST", "http://a.x.com/");
    request.body = "0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a.x.com\r\n\r\n".into();
    let length = request.body.len();
    send(&broker(&net), &granted(&["http://a.x.com"]), request).await.unwrap();
    let sent = net.requests()[0].clone();
    assert_eq!(sent.matches("content-length").count(), 1);
    assert!(
        sent.contains(&format!("\r\ncontent-length: {length}\r\n\r\n0\r\n"))
            && !sent.contains("transfer-encoding")
    );
}

#[tokio::test]
async fn answers_that_contradict_themselves_are_refused() {
    let refused = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nokk",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        "HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/9.9 200 OK\r\n\r\nok",
        "ok",
        "",
    ];
    for answer in refused {
        let result = with(&net(answer), "GET", &[]).await;
        assert_eq!(result.as_ref().err().map(|_| ()), Some(()), "{answer:?}: {result:?}");
        assert_eq!(code_of(result), ErrorCode::UnknownError, "{answer:?}");
    }
}

#[tokio::test]
async fn what_follows_an_answer_is_nobodys() {
    let net = net(&format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    assert_eq!(with(&net, "GET", &[]).await.unwrap().body, "ok");
    assert_eq!(with(&net, "GET", &[]).await.unwrap().body, "ok");
    assert_eq!(net.dialled().len(), 2);
}

#[tokio::test]
async fn chunks_win_over_a_length_and_the_framing_is_not_shown() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\nConnection: close\r\nX-A: \u{fc}\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let response = with(&net(answer), "GET", &[]).await.unwrap();
    assert_eq!(response.body, "ok");
    let names: Vec<_> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(!names.contains(&"transfer-encoding") && !names.contains(&"connection"), "{names:?}");
    assert!(response.headers.contains(&("x-a".into(), "\u{fc}".into())));
}

#[tokio::test]
async fn a_head_has_no_body_whatever_length_it_tells() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n";
    let response = with(&net(answer), "HEAD", &[]).await.unwrap();
    assert_eq!((response.status, response.body.len()), (200, 0));
}

#[tokio::test]
async fn interim_answers_are_skipped() {
    let answer = format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{OK}");
    assert_eq!(with(&net(&answer), "GET", &[]).await.unwrap().status, 200);
}
