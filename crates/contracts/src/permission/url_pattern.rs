//! The pattern language of `net.http`.
//! It matches parsed URLs only; a name it allows may still resolve to an address that [`AddressPolicy`](super::AddressPolicy) refuses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::host_name::HostName;
use super::{PatternError, RequestUrl};

/// Most rounds of percent-decoding that are undone before a path is taken for hostile. Two layers of servers decode twice.
const MAX_DECODE_ROUNDS: usize = 4;

/// `scheme://host[:port][/path]`.
///
/// * The scheme is `http` or `https`, and each grants only itself.
/// * The host is a name, exactly; or `*.suffix`, which is any number of labels before the suffix but not the suffix itself
///   (`*.x.com` covers `a.x.com` and `a.b.x.com`, neither `x.com` nor `evilx.com`); or `*`, which is any name.
/// * An address is covered only by a pattern that writes out that address; `*` does not cover it. An IPv4 address and the
///   IPv6 address that maps it are two addresses.
/// * Without a port, the scheme's own is meant, and no other.
/// * A path covers itself and what is below it, by segment: `/v1` covers `/v1/a` but not `/v1x`. A request whose path would
///   climb out once a server decodes it (`/v1/..%2fadmin`) is not covered by a pattern with a path.
/// * Any query is covered. User information, query and fragment in a pattern are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlPattern {
    text: String,
    scheme: &'static str,
    host: HostPattern,
    port: u16,
    /// The segments that a path must start with; none is any path.
    segments: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    AnyName,
    /// With the dot in front, so that only whole labels match.
    Suffix(String),
    Exact(HostName),
}

impl UrlPattern {
    /// Whether a request to this URL is covered.
    pub fn matches(&self, url: &RequestUrl) -> bool {
        self.scheme == url.scheme()
            && self.port == url.port()
            && self.host.matches(url.host_name())
            && self.matches_path(url.path())
    }

    fn matches_path(&self, path: &str) -> bool {
        if self.segments.is_empty() {
            return true;
        }
        let mut given = path.split('/').skip(1);
        self.segments.iter().all(|wanted| given.next() == Some(wanted.as_str())) && !climbs_when_decoded(path)
    }
}

impl HostPattern {
    fn matches(&self, host: &HostName) -> bool {
        match (self, host) {
            (Self::AnyName, HostName::Name(_)) => true,
            (Self::Suffix(suffix), HostName::Name(name)) => name.ends_with(suffix),
            (Self::Exact(wanted), host) => wanted == host,
            (Self::AnyName | Self::Suffix(_), HostName::Address(_)) => false,
        }
    }

    fn parse(text: &str) -> Result<Self, (String, String)> {
        let fault = |problem: &str, fix: &str| Err((problem.to_owned(), fix.to_owned()));
        if text.is_empty() {
            return fault("has no host", "write `scheme://host`, as in `https://api.example.com`");
        }
        if text == "*" {
            return Ok(Self::AnyName);
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        if name.contains('*') {
            return fault(
                "has a `*` inside its host",
                "`*` stands alone for any name, or before the first dot, as in `*.example.com`",
            );
        }
        let host = match url::Host::parse(name) {
            Ok(url::Host::Domain(name)) => HostName::canonical(&url::Host::Domain(&name)),
            Ok(url::Host::Ipv4(address)) => Some(HostName::Address(address.into())),
            Ok(url::Host::Ipv6(address)) => Some(HostName::Address(address.into())),
            Err(_) => None,
        };
        match host {
            None => {
                fault("has a host that is no name and no address", "write it as in `https://api.example.com`")
            }
            Some(HostName::Name(name)) if text.starts_with("*.") => Ok(Self::Suffix(format!(".{name}"))),
            Some(HostName::Address(_)) if text.starts_with("*.") => {
                fault("has a `*` before an address", "write out each address")
            }
            // `0x7f.1` and `2130706433` do not read as the address that they are; IPv6 has no such spellings.
            Some(HostName::Address(IpAddr::V4(address))) if address.to_string() != text => {
                Err(("spells an address in an unusual way".to_owned(), format!("write `{address}`")))
            }
            Some(host) => Ok(Self::Exact(host)),
        }
    }
}

/// Whether some number of percent-decodings gives the path a `..` segment that it does not show. `\` counts as a slash and `;`
/// ends a segment, because there are servers that read them so.
fn climbs_when_decoded(path: &str) -> bool {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..MAX_DECODE_ROUNDS {
        let decoded = percent_decoded(&bytes);
        let climbs = |segment: &[u8]| segment.split(|b| *b == b';').next() == Some(b"..");
        if decoded.split(|b| matches!(b, b'/' | b'\\')).any(climbs) {
            return true;
        }
        if decoded == bytes {
            return false;
        }
        bytes = decoded;
    }
    true
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        decoded.push(escaped.map_or(*first, |(high, low)| high * 16 + low));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

impl FromStr for UrlPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem: &str, fix: &str| PatternError::new(text, problem, fix);
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            Some(_) => return Err(error("has another scheme", "write `http://…` or `https://…`")),
            None => {
                return Err(error("has no scheme", "write `scheme://host`, as in `https://api.example.com`"));
            }
        };
        if let Some(bad) = rest.chars().find(|c| c.is_control() || c.is_whitespace() || "@?#\\".contains(*c))
        {
            return Err(error(
                &format!("holds the character {bad:?}"),
                "a pattern has a scheme, a host, a port and a path, no user information, query or fragment",
            ));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority);
        let port = match port {
            None if scheme == "https" => 443,
            None => 80,
            Some(port) => parse_port(port).ok_or_else(|| {
                error(
                    "has a port that is no number from 1 to 65535",
                    "write one port, or none for the scheme's own",
                )
            })?,
        };
        let host = HostPattern::parse(host).map_err(|(problem, fix)| error(&problem, &fix))?;
        let segments = parse_segments(path).map_err(|(problem, fix)| error(problem, fix))?;
        Ok(Self { text: text.to_owned(), scheme, host, port, segments })
    }
}

/// The colons inside the brackets of an IPv6 address belong to it.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    // A bracket that is never closed takes the rest, so that the host is what is refused and not a port.
    let unclosed = if authority.starts_with('[') { authority.len() } else { 0 };
    let host_end = authority.rfind(']').unwrap_or(unclosed);
    match authority[host_end..].find(':') {
        Some(colon) => (&authority[..host_end + colon], Some(&authority[host_end + colon + 1..])),
        None => (authority, None),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

/// The segments of a path, encoded as a request's are. One slash at the end means nothing.
fn parse_segments(path: &str) -> Result<Vec<String>, (&'static str, &'static str)> {
    if path.contains("//") {
        return Err(("has an empty segment in its path", "write one slash between segments"));
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(Vec::new());
    }
    if path.contains('*') {
        return Err(("has a `*` in its path", "a path covers everything below it: leave the `*` out"));
    }
    let plain = url::Url::parse("http://host/").and_then(|base| base.join(&format!("/{path}")));
    let segments: Vec<String> =
        plain.iter().flat_map(|url| url.path().split('/').skip(1)).map(str::to_owned).collect();
    let all_kept = segments.len() == path.split('/').count() && !segments.iter().any(String::is_empty);
    if !all_kept || climbs_when_decoded(path) {
        return Err(("has a `.` or `..` segment in its path", "write the path it leads to"));
    }
    Ok(segments)
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
