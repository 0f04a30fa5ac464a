//! The bounds of requests that the host makes for plugins.
//! Which hosts a plugin may reach is not here: its permissions say that, and the address policy says it once more.

use std::time::Duration;

use plugdock_contracts::{ByteSize, span};
use serde::Deserialize;

use crate::setting::{SettingCheck, SettingError};

/// Most redirects that may be configured. Browsers follow 20; no service needs more than a few.
const MOST_REDIRECTS: u32 = 10;

/// Smallest bound on a head that may be configured: the parser needs a buffer of this size.
const LEAST_HEADER_BYTES: ByteSize = ByteSize::from_kib(8);

/// How many requests, how large, how long, how fast. Answers are held in memory whole: at worst that is
/// `max_connections` times `max_response`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Connections at once, of all plugins. 64: with the largest answers half a GiB.
    pub max_connections: u32,
    /// Connections at once, of one plugin over all its executions. 8, so that no plugin takes all of them.
    pub max_connections_per_plugin: u32,
    /// Requests of one plugin that wait for a connection; a further one is refused at once. 64.
    pub max_waiting_per_plugin: u32,
    /// Largest body of a request. 8 MiB.
    pub max_request: ByteSize,
    /// Largest body of an answer, as it comes: nothing is decompressed. 8 MiB.
    pub max_response: ByteSize,
    /// Most headers, in a request and in an answer. 100, as common servers accept.
    pub max_headers: u32,
    /// Largest head: all names and values of a request, and all that an answer sends before its body. 64 KiB.
    pub max_header_bytes: ByteSize,
    /// Redirects that are followed in one request; one more is an error. 10, which is also the most.
    pub max_redirects: u32,
    /// How long one address has to accept a connection and to agree on TLS. 3 s.
    #[serde(with = "span::as_text")]
    pub connect_within: Duration,
    /// How long a connection may stand still, in both directions. 5 s.
    #[serde(with = "span::as_text")]
    pub idle_after: Duration,
    /// How long a request may take in all, with waiting, redirects and the answer's body. 10 s. The request's own bound and
    /// what remains of the execution hold beside it.
    #[serde(with = "span::as_text")]
    pub total_within: Duration,
    /// Bytes per second that one plugin may send, over all its connections, heads and TLS included. None for no bound.
    pub upload_per_second: Option<ByteSize>,
    /// Bytes per second that one plugin may receive, likewise. None for no bound.
    pub download_per_second: Option<ByteSize>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            max_connections: 64,
            max_connections_per_plugin: 8,
            max_waiting_per_plugin: 64,
            max_request: ByteSize::from_mib(8),
            max_response: ByteSize::from_mib(8),
            max_headers: 100,
            max_header_bytes: ByteSize::from_kib(64),
            max_redirects: MOST_REDIRECTS,
            connect_within: Duration::from_secs(3),
            idle_after: Duration::from_secs(5),
            total_within: Duration::from_secs(10),
            upload_per_second: None,
            download_per_second: None,
        }
    }
}

impl HttpConfig {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<SettingError> {
        let mut check = SettingCheck::default();
        self.check_counts(&mut check);
        check.some_bytes("http.max_request", self.max_request);
        check.some_bytes("http.max_response", self.max_response);
        let holds = (LEAST_HEADER_BYTES..=ByteSize::from_mib(1)).contains(&self.max_header_bytes);
        let reason = "it must be from 8KiB to 1MiB";
        check.require(holds, "http.max_header_bytes", self.max_header_bytes, reason);
        let spans = [
            ("http.connect_within", self.connect_within),
            ("http.idle_after", self.idle_after),
            ("http.total_within", self.total_within),
        ];
        for (setting, span) in spans {
            let holds = !span.is_zero() && span <= span::MAX_SPAN;
            check.require(
                holds,
                setting,
                span::format_span(span),
                "it must be longer than 0s and at most 100 years",
            );
        }
        let rates = [
            ("http.upload_per_second", self.upload_per_second),
            ("http.download_per_second", self.download_per_second),
        ];
        for (setting, rate) in rates {
            if let Some(rate) = rate {
                let reason = "it must be at least 1KiB, or left out for no bound";
                check.require(rate >= ByteSize::from_kib(1), setting, rate, reason);
            }
        }
        check.into_faults()
    }

    fn check_counts(&self, check: &mut SettingCheck) {
        let counts = [
            ("http.max_connections", self.max_connections),
            ("http.max_connections_per_plugin", self.max_connections_per_plugin),
            ("http.max_headers", self.max_headers),
        ];
        for (setting, count) in counts {
            check.require(count > 0, setting, count, "it must be at least 1");
        }
        // What the header map of the HTTP library can hold.
        check.require(
            self.max_headers <= 10_000,
            "http.max_headers",
            self.max_headers,
            "it must be at most 10000",
        );
        let holds = self.max_connections_per_plugin <= self.max_connections;
        let reason = "it must be at most `http.max_connections`";
        check.require(holds, "http.max_connections_per_plugin", self.max_connections_per_plugin, reason);
        let holds = self.max_redirects <= MOST_REDIRECTS;
        check.require(holds, "http.max_redirects", self.max_redirects, "it must be at most 10");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_faults_are_named() {
        assert_eq!(HttpConfig::default().faults(), []);
        let config = HttpConfig {
            max_connections: 0,
            max_connections_per_plugin: 1,
            max_headers: 0,
            max_request: ByteSize::from_bytes(0),
            max_response: ByteSize::from_bytes(0),
            max_header_bytes: ByteSize::from_kib(7),
            max_redirects: 11,
            connect_within: Duration::ZERO,
            idle_after: Duration::MAX,
            total_within: Duration::ZERO,
            upload_per_second: Some(ByteSize::from_bytes(0)),
            download_per_second: Some(ByteSize::from_bytes(1023)),
            ..HttpConfig::default()
        };
        let fields: Vec<_> = config.faults().iter().map(|fault| fault.setting).collect();
        assert_eq!(
            fields,
            [
                "http.max_connections",
                "http.max_headers",
                "http.max_connections_per_plugin",
                "http.max_redirects",
                "http.max_request",
                "http.max_response",
                "http.max_header_bytes",
                "http.connect_within",
                "http.idle_after",
                "http.total_within",
                "http.upload_per_second",
                "http.download_per_second",
            ]
        );
    }
}
