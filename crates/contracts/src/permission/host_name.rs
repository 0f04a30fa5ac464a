//! The host of a URL or of a URL pattern, in one canonical form.
//! It resolves nothing: a name stays a name.

use std::fmt;
use std::net::IpAddr;

/// A name in lower-case ASCII without a dot at its end, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum HostName {
    Name(String),
    Address(IpAddr),
}

impl HostName {
    /// The canonical form of a parsed host; `None` if it is no name that DNS could answer.
    pub(super) fn canonical(host: &url::Host<&str>) -> Option<Self> {
        match host {
            url::Host::Ipv4(address) => Some(Self::Address((*address).into())),
            url::Host::Ipv6(address) => Some(Self::Address((*address).into())),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                is_plain_name(name).then(|| Self::Name(name.to_owned()))
            }
        }
    }
}

/// Labels of letters, digits, `-` and `_`: stricter than the URL standard, which lets `*` and empty labels pass.
fn is_plain_name(name: &str) -> bool {
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.split('.').all(label_fits)
}

/// As the URL standard writes it: an IPv6 address in brackets, and in hexadecimal also where it maps an IPv4 address.
impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "{}", url::Host::<&str>::Ipv6(*address)),
        }
    }
}
