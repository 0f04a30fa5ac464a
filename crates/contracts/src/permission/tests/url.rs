//! URLs: patterns, the tricks that are known against them, redirects.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::granting;
use crate::permission::{PermissionKind, RequestUrl, RequestUrlError, UrlPattern};

/// Whether a set with this one grant lets the request be made. A text that is no request URL cannot even be asked about.
#[track_caller]
fn requestable(scope: &str, url: &str) -> bool {
    RequestUrl::parse(url)
        .is_ok_and(|url| granting(PermissionKind::NetHttp, &[scope]).net_http(&url).is_allowed())
}

#[track_caller]
fn check(scope: &str, rows: &[(&str, bool)]) {
    for (url, expected) in rows {
        assert_eq!(requestable(scope, url), *expected, "{scope:?} against {url:?}");
    }
}

#[test]
fn an_exact_host_covers_itself_with_the_port_of_its_scheme() {
    check(
        "https://api.x.com",
        &[
            ("https://api.x.com", true),
            ("https://api.x.com/", true),
            ("https://api.x.com/a/b?c=d#e", true),
            ("https://api.x.com:443/", true),
            ("https://api.x.com:8443/", false),
            ("http://api.x.com/", false),
            ("http://api.x.com:443/", false),
            ("https://x.com/", false),
            ("https://b.api.x.com/", false),
        ],
    );
    check(
        "http://x.com:8080",
        &[("http://x.com:8080/a", true), ("http://x.com/", false), ("http://x.com:80/", false)],
    );
    check("https://X.com:443", &[("https://x.com/", true)]);
}

#[test]
fn a_wildcard_covers_whole_labels_only() {
    let rows = [
        ("https://a.x.com/", true),
        ("https://a.b.x.com/", true),
        ("https://x.com/", false),
        ("https://evilx.com/", false),
        ("https://a.x.com.evil.io/", false),
        ("https://a.x.com./", true),
        ("https://.x.com/", false),
        ("https://*.x.com/", false),
    ];
    check("https://*.x.com", &rows);
    check(
        "https://*",
        &[("https://anything.io/", true), ("http://anything.io/", false), ("https://a.io:8443/", false)],
    );
}

#[test]
fn an_address_is_covered_only_by_itself() {
    let disguises = [
        ("http://127.0.0.1/", true),
        ("http://127.1/", true),
        ("http://2130706433/", true),
        ("http://0x7f000001/", true),
        ("http://0177.0.0.1/", true),
        ("http://127.0.0.1./", true),
        ("http://[::ffff:127.0.0.1]/", false),
        ("http://[::1]/", false),
        ("http://127.0.0.2/", false),
    ];
    check("http://127.0.0.1", &disguises);
    let no_names = disguises.map(|(url, _)| (url, false));
    check("http://*", &no_names);
    check("http://localhost", &no_names);
    check("http://*.0.0.1.nip.io", &no_names);
    check(
        "http://[::1]:8080",
        &[("http://[::1]:8080/", true), ("http://[0:0::1]:8080/", true), ("http://[::1]/", false)],
    );
    check("http://[::ffff:a00:1]", &[("http://[::ffff:10.0.0.1]/", true), ("http://10.0.0.1/", false)]);
}

#[test]
fn a_path_covers_itself_and_what_is_below_by_segment() {
    let rows = [
        ("https://x.com/v1", true),
        ("https://x.com/v1/", true),
        ("https://x.com/v1/a?q", true),
        ("https://x.com/v1?q=/../..", true),
        ("https://x.com/v1x", false),
        ("https://x.com/", false),
        ("https://x.com/V1", false),
        ("https://x.com//v1", false),
        ("https://x.com/v1/../admin", false),
        ("https://x.com/v1/%2e%2e/admin", false),
        ("https://x.com/v1/..%2fadmin", false),
        ("https://x.com/v1/%2e%2e%2Fadmin", false),
        ("https://x.com/v1/..%5cadmin", false),
        ("https://x.com/v1/%252e%252e%252fadmin", false),
        ("https://x.com/v1/..;/admin", false),
        ("https://x.com/v1/..;x=y/admin", false),
        ("https://x.com/v1/%25252525252e", false),
        ("https://x.com/v1/a%2fb", true),
        ("https://x.com/v1/100%", true),
        ("https://x.com/v1/..a", true),
    ];
    check("https://x.com/v1", &rows);
    check("https://x.com/v1/", &rows);
    check("https://x.com/", &[("https://x.com/a/..%2fb", true)]);
    check("https://x.com/café", &[("https://x.com/caf%C3%A9/a", true), ("https://x.com/café", true)]);
}

#[test]
fn e66_no_url_trick_reaches_another_host() {
    let tricks = [
        "https://api.x.com.evil.io/",
        "https://api.x.com@evil.io/",
        "https://api.x.com:443@evil.io/",
        "https://evil.io/?u=api.x.com",
        "https://evil.io/#api.x.com",
        "https://evil.io/api.x.com",
        "https://evil.io\\@api.x.com/",
        "https://api.x.com\\.evil.io/",
        "https://evil.io%2f@api.x.com/",
        "https://api.x.com../",
        "https://[::ffff:169.254.169.254]/",
        "https://169.254.169.254/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://0251.0376.0251.0376/",
        "https://api.x.com:8443/",
        "https://api.x.com:80/",
        "https://api.x.com:65536/",
        "http://api.x.com/",
        "ftp://api.x.com/",
        "file://api.x.com/etc/passwd",
        "javascript://api.x.com/%0aalert(1)",
        "https:api.x.com/",
        "https:/api.x.com/",
        "https:///api.x.com/",
        "//api.x.com/",
        "api.x.com",
        "https://user@api.x.com/",
        "https://user:pass@api.x.com/",
        "https://@api.x.com/",
        "https://:@api.x.com/",
        " https://api.x.com/",
        "https://api.x.com/a b",
        "https://api.\tx.com/",
        "ht\ntps://api.x.com/",
        "https://api.x.com\r\nHost: evil.io/",
        "https://api.x.com\0.evil.io/",
        "https:///",
        "https://",
        "",
    ];
    // The same name, differently written.
    let spellings = [
        "https://api.x.com./",
        "https://API.X.COM/",
        "HTTPS://Api.x.Com/",
        "https://ａｐｉ.x.com/",
        "https://api\u{3002}x.com/",
        "https://api%2ex.com/",
    ];
    // A Cyrillic letter makes another name, in either spelling, but one of the same domain.
    let homographs = ["https://\u{430}pi.x.com/", "https://xn--pi-7kc.x.com/"];
    for scope in ["https://api.x.com", "https://*.x.com"] {
        check(scope, &tricks.map(|url| (url, false)));
        check(scope, &spellings.map(|url| (url, true)));
        check(scope, &homographs.map(|url| (url, scope.contains('*'))));
    }
}

#[test]
fn what_is_sent_is_what_was_checked() {
    for (text, sent) in [
        ("HTTPS://API.X.COM./a/../b?c#d", "https://api.x.com/b?c"),
        ("http://2130706433:80/", "http://127.0.0.1/"),
        ("http://[0:0:0::1]:8080", "http://[::1]:8080/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
    ] {
        let url = RequestUrl::parse(text).unwrap();
        assert_eq!(url.as_str(), sent);
        assert_eq!(RequestUrl::parse(sent).unwrap(), url);
    }
    let mapped = RequestUrl::parse("http://[::ffff:10.0.0.1]/").unwrap();
    assert_eq!(
        (mapped.as_str(), mapped.origin().as_str()),
        ("http://[::ffff:a00:1]/", "http://[::ffff:a00:1]")
    );
    let url = RequestUrl::parse("http://[::1]:8080/x").unwrap();
    assert_eq!((url.host().as_str(), url.port(), url.path()), ("[::1]", 8080, "/x"));
    assert_eq!(url.literal_address(), Some("::1".parse().unwrap()));
    assert_eq!(RequestUrl::parse("https://x.com").unwrap().literal_address(), None);
}

#[test]
fn errors_repeat_no_secret() {
    let error = RequestUrl::parse("https://user:hunter2@x.com/?token=hunter3").unwrap_err();
    assert_eq!(error, RequestUrlError::UserInfo);
    assert!(!format!("{error} {error:?}").contains("hunter"));
    let url = RequestUrl::parse("https://x.com/a?token=hunter3").unwrap();
    let denial = granting(PermissionKind::NetHttp, &["https://y.com"]).net_http(&url).denial().unwrap();
    assert!(!format!("{denial} {denial:?}").contains("hunter"));
    assert_eq!(
        denial.to_string(),
        r#"net.http of "https://x.com/a" is denied: it needs the grant net.http scope "https://x.com""#
    );
}

#[test]
fn e67_every_hop_of_a_redirect_is_asked_about_again() {
    let permissions = granting(PermissionKind::NetHttp, &["https://api.x.com"]);
    let start = RequestUrl::parse("https://api.x.com/a/b").unwrap();
    assert!(permissions.net_http(&start).is_allowed());
    for (location, expected) in [
        ("/c", Some("https://api.x.com/c")),
        ("c?d", Some("https://api.x.com/a/c?d")),
        ("", Some("https://api.x.com/a/b")),
        ("//api.x.com/z", Some("https://api.x.com/z")),
        ("https://API.x.com./z", Some("https://api.x.com/z")),
        ("https://evil.io/", None),
        ("//evil.io/", None),
        ("http://api.x.com/", None),
        ("https://api.x.com:8443/", None),
        ("http://169.254.169.254/latest/meta-data/", None),
        ("//169.254.169.254/", None),
        ("https://[::ffff:169.254.169.254]/", None),
        ("file:///etc/passwd", None),
        ("unix:/run/docker.sock", None),
        ("unix:///run/docker.sock", None),
        ("data:text/plain,x", None),
        ("https://api.x.com@evil.io/", None),
        ("https://user@api.x.com/", None),
        ("/\\evil.io/", None),
        ("\\c", None),
        ("/c\td", None),
        ("/c d", None),
        ("\r\n/c", None),
        ("\\\\evil.io/", None),
        ("/\t/evil.io/", None),
        ("https://", None),
        ("///evil.io/", None),
    ] {
        let hop = start.redirect(location).ok().filter(|hop| permissions.net_http(hop).is_allowed());
        assert_eq!(hop.as_ref().map(RequestUrl::as_str), expected, "{location:?}");
    }
    let there = start.redirect("https://evil.io/").unwrap();
    assert!(!start.is_same_origin(&there), "credentials must stay behind");
    assert!(start.is_same_origin(&start.redirect("https://api.x.com:443/q").unwrap()));
}

#[test]
fn patterns_are_refused_with_what_to_write() {
    for (pattern, problem, fix) in [
        ("api.x.com", "no scheme", "https://api.example.com"),
        ("ftp://x.com", "another scheme", "https://"),
        ("HTTPS://x.com", "another scheme", "https://"),
        ("*://x.com", "another scheme", "https://"),
        ("https://", "no host", "scheme://host"),
        ("https:///x", "no host", "scheme://host"),
        ("https://u@x.com", "'@'", "no user information"),
        ("https://x.com?q", "'?'", "query"),
        ("https://x.com#f", "'#'", "fragment"),
        ("https://x.com\\a", "'\\\\'", "a path"),
        ("https://x .com", "' '", "a host"),
        ("https://x.com:0", "a port", "one port"),
        ("https://x.com:*", "a port", "one port"),
        ("https://x.com:", "a port", "one port"),
        ("https://x.com:65536", "a port", "one port"),
        ("https://x.com:+80", "a port", "one port"),
        ("https://a*.x.com", "inside its host", "`*` stands alone"),
        ("https://*.*.com", "inside its host", "`*` stands alone"),
        ("https://**", "inside its host", "`*` stands alone"),
        ("https://x..com", "no name and no address", "write it"),
        ("https://*.", "no name and no address", "write it"),
        ("https://[::1", "no name and no address", "write it"),
        ("https://*.0.0.1", "before an address", "each address"),
        ("http://2130706433", "an unusual way", "`127.0.0.1`"),
        ("http://0x7f.1", "an unusual way", "`127.0.0.1`"),
        ("https://[]", "no name and no address", "write it"),
        ("https://[::1]x", "no name and no address", "write it"),
        ("https://x.com/*", "`*` in its path", "leave the `*` out"),
        ("https://x.com/a//b", "empty segment", "one slash"),
        ("https://x.com//", "empty segment", "one slash"),
        ("https://x.com/a/../b", "`..` segment", "the path"),
        ("https://x.com/.", "`..` segment", "the path"),
        ("https://x.com/%2e%2e", "`..` segment", "the path"),
        ("https://x.com/a%2f..", "`..` segment", "the path"),
    ] {
        let error = pattern.parse::<UrlPattern>().expect_err(pattern);
        assert!(error.problem.contains(problem), "{pattern:?}: {error}");
        assert!(error.fix.contains(fix), "{pattern:?}: {error}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-c]{1,3}(\\.[a-c]{1,3}){0,3}"
}

proptest! {
    #[test]
    fn a_host_covers_only_itself(granted in name(), asked in name()) {
        prop_assert_eq!(requestable(&format!("https://{granted}"), &format!("https://{asked}/")), granted == asked);
        let below = asked.ends_with(&format!(".{granted}"));
        prop_assert_eq!(requestable(&format!("https://*.{granted}"), &format!("https://{asked}/")), below);
    }

    #[test]
    fn a_suffix_or_prefix_never_widens(host in name(), noise in "[a-z0-9-]{1,5}") {
        let granted = format!("https://{host}");
        for (scope, url) in [
            (granted.clone(), format!("https://{host}{noise}/")),
            (granted.clone(), format!("https://{host}.{noise}/")),
            (granted.clone(), format!("https://{noise}{host}/")),
            (granted.clone(), format!("https://{noise}.{host}/")),
            (format!("{granted}/v"), format!("https://{host}/v{noise}")),
        ] {
            prop_assert!(!requestable(&scope, &url), "{} against {}", scope, url);
        }
    }

    #[test]
    fn user_information_is_always_refused(user in "[a-z.]{0,6}(:[a-z0-9]{0,4})?", host in name()) {
        prop_assert_eq!(RequestUrl::parse(&format!("https://{user}@{host}/")), Err(RequestUrlError::UserInfo));
    }

    #[test]
    fn a_port_covers_only_itself(granted in 1_u16.., asked in 1_u16..) {
        let scope = format!("https://x.com:{granted}");
        let same = format!("{scope}/");
        prop_assert!(requestable(&scope, &same));
        prop_assert_eq!(requestable(&scope, &format!("https://x.com:{asked}/")), granted == asked);
        prop_assert_eq!(requestable("https://x.com", &format!("https://x.com:{asked}/")), asked == 443);
    }

    #[test]
    fn every_spelling_of_an_ipv4_address_is_that_address(bits in any::<u32>()) {
        let address = Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = address.octets();
        let spellings = [
            address.to_string(),
            bits.to_string(),
            format!("{bits:#x}"),
            format!("0{bits:o}"),
            format!("{a:#x}.0{b:o}.{c}.{d:#X}").replace("0X", "0x"),
            format!("{a}.{}", bits & 0x00ff_ffff),
        ];
        for spelling in spellings {
            let url = RequestUrl::parse(&format!("http://{spelling}/")).unwrap();
            prop_assert_eq!(url.literal_address(), Some(address.into()), "{}", spelling);
            prop_assert!(!granting(PermissionKind::NetHttp, &["http://*"]).net_http(&url).is_allowed());
        }
    }

    #[test]
    fn any_text_is_answered_and_canonical_urls_are_stable(text in any::<String>(), location in any::<String>()) {
        for text in [text.clone(), format!("https://{text}"), format!("https://x.com/{text}")] {
            if let Ok(url) = RequestUrl::parse(&text) {
                prop_assert_eq!(&RequestUrl::parse(url.as_str()).unwrap(), &url);
                let hop = url.redirect(&location);
                prop_assert!(hop.is_err() || hop.is_ok_and(|hop| hop.as_str().starts_with("http")));
            }
            if let Ok(pattern) = text.parse::<UrlPattern>() {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }
}
