//! The URL of a request, parsed: the only thing a URL pattern can be matched with.
//! It resolves no name and follows no redirect; whoever does, asks again with what comes out.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Url;

use super::fault::excerpt;
use super::host_name::HostName;

/// Longest URL, in bytes: what common servers accept for a request line.
const MAX_URL_BYTES: usize = 8192;

/// An `http` or `https` URL without user information and fragment, with a canonical host.
///
/// The URL standard's parser decides what the host is: letters are folded, Unicode becomes punycode, `0x7f.1` and `2130706433`
/// become `127.0.0.1`. One dot at the end of the name is dropped, because it is the same name. Send [`RequestUrl::as_str`],
/// never the text it was parsed from.
///
/// A redirect is a new request: resolve it with [`RequestUrl::redirect`] and ask for permission again at every hop. A name is
/// no address: check what it resolves to with [`AddressPolicy`](super::AddressPolicy) and connect to the address that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestUrl {
    url: Url,
    host: HostName,
}

impl RequestUrl {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// [`RequestUrlError`] if it is no URL, not `http` or `https`, holds user information, or its host is no name and no address.
    pub fn parse(text: &str) -> Result<Self, RequestUrlError> {
        check_text(text)?;
        let url =
            Url::parse(text).map_err(|source| RequestUrlError::Syntax { source: UrlSyntaxError(source) })?;
        check_authority(text)?;
        Self::from_url(url)
    }

    /// The URL that a `Location` of an answer to this request leads to; it must be matched again before it is followed.
    ///
    /// # Errors
    /// [`RequestUrlError`] as for [`RequestUrl::parse`].
    pub fn redirect(&self, location: &str) -> Result<Self, RequestUrlError> {
        check_text(location)?;
        let url = self.url.join(location);
        let url = url.map_err(|source| RequestUrlError::Syntax { source: UrlSyntaxError(source) })?;
        Self::from_url(url)
    }

    fn from_url(mut url: Url) -> Result<Self, RequestUrlError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RequestUrlError::Scheme { scheme: excerpt(url.scheme()) });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RequestUrlError::UserInfo);
        }
        let host = url.host().and_then(|host| HostName::canonical(&host));
        let host =
            host.ok_or_else(|| RequestUrlError::Host { host: excerpt(url.host_str().unwrap_or_default()) })?;
        url.set_host(Some(&host.to_string()))
            .map_err(|source| RequestUrlError::Syntax { source: UrlSyntaxError(source) })?;
        url.set_fragment(None);
        Ok(Self { url, host })
    }

    /// The URL as it is to be sent.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// The host, as in the URL: an IPv6 address is in brackets.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The address, if the host is one and no name.
    pub fn literal_address(&self) -> Option<IpAddr> {
        match self.host {
            HostName::Address(address) => Some(address),
            HostName::Name(_) => None,
        }
    }

    /// The port, with the scheme's own if none is written.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// The path, percent-encoded; it starts with a slash.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Scheme, host and port, without a port that is the scheme's own.
    pub fn origin(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}://{}:{port}", self.scheme(), self.host),
            None => format!("{}://{}", self.scheme(), self.host),
        }
    }

    /// Whether both have scheme, host and port in common. Credentials must not follow a redirect to another origin.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.origin() == other.origin()
    }

    pub(super) fn host_name(&self) -> &HostName {
        &self.host
    }
}

/// The parser drops tabs and line breaks and takes a backslash for a slash; texts that rely on it are tricks or accidents.
fn check_text(text: &str) -> Result<(), RequestUrlError> {
    if text.len() > MAX_URL_BYTES {
        return Err(RequestUrlError::TooLong);
    }
    match text.chars().find(|c| c.is_control() || c.is_whitespace() || *c == '\\') {
        Some(character) => Err(RequestUrlError::Character { character }),
        None => Ok(()),
    }
}

/// The parser accepts any number of slashes before the host and an empty user; both differ between parsers.
fn check_authority(text: &str) -> Result<(), RequestUrlError> {
    let after_scheme = text.split_once(':').map_or("", |(_, rest)| rest);
    let Some(rest) = after_scheme.strip_prefix("//").filter(|rest| !rest.starts_with('/')) else {
        // Other schemes have other forms; their own error says more.
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        return match scheme.as_str() {
            "http" | "https" => Err(RequestUrlError::Slashes),
            _ => Ok(()),
        };
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') { Err(RequestUrlError::UserInfo) } else { Ok(()) }
}

/// The URL as it is to be sent, query included.
impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RequestUrl {
    type Err = RequestUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// What the URL parser says, without its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlSyntaxError(url::ParseError);

/// Why no request can be made to a URL. The URL itself is not repeated: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestUrlError {
    /// It is no URL.
    #[error("the URL cannot be parsed")]
    Syntax {
        /// What the parser says.
        source: UrlSyntaxError,
    },
    /// It is too long.
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// It holds a character that parsers disagree about.
    #[error("the URL holds the character {character:?}, which must be percent-encoded")]
    Character {
        /// The character.
        character: char,
    },
    /// The scheme is not `http` or `https`.
    #[error("the scheme of the URL is {scheme:?}, and only http and https can be requested")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The scheme is not followed by exactly two slashes.
    #[error("the URL needs exactly two slashes after its scheme")]
    Slashes,
    /// There is a user name or password before the host.
    #[error("the URL holds a user name or password; send credentials in a header")]
    UserInfo,
    /// The host is empty or no name.
    #[error("{host:?} is no host name and no address")]
    Host {
        /// The host.
        host: String,
    },
}
