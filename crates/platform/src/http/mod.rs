//! Requests over HTTP that the host makes for plugins, so that a plugin needs no network of its own.
//! It audits nothing and knows no manifest; whoever stands in front does, and hands in the permissions.
//!
//! Every hop of a request, the first and each redirect, goes the same way: the URL is parsed, the permissions are asked, the
//! name is resolved, **every** address is checked, and one of those very addresses is connected to. There is no second lookup
//! that could answer otherwise, no proxy, and no connection that is kept for a later request: each hop has a fresh one, which
//! ends with it.
//!
//! What holds on the way:
//!
//! * Of a name's addresses one that is refused refuses the request, also where others would do: an honest name has no mixture.
//! * A grant that writes out an address allows that address whatever its class, but for a cloud's metadata service, which hands
//!   out the host's own credentials: that one the host has to allow as well, with its [`AddressPolicy`].
//! * A redirect is followed if the grants cover where it leads, scheme and port included. To another origin `Authorization`,
//!   `Cookie` and `Proxy-Authorization` do not go along, and do not come back. Headers with names of a service's own
//!   (`X-Api-Key`) do: no list of them could be complete.
//! * A redirect that asks for a body to be sent again to another origin is not followed. The plugin gets it as the answer
//!   and can send the body there itself, if it means to.
//! * Bodies are handed over as they come. Nothing is decompressed, so nothing grows.
//! * The server that is connected to is the one whose certificate names the URL's host; which of its services answers within
//!   that connection cannot be seen from here.
//!
//! [`AddressPolicy`]: plugdock_contracts::permission::AddressPolicy

mod admission;
mod connector;
mod deadline;
mod exchange;
mod failure;
mod http_broker;
mod http_config;
mod hyper_io;
mod metered_stream;
mod outgoing;
mod redirect;
mod resolver;
mod token_bucket;

#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;

#[cfg(test)]
mod tests;

pub use connector::{ByteStream, Connector, TcpConnector};
pub use http_broker::HttpBroker;
pub use http_config::HttpConfig;
pub use resolver::{Resolver, SystemResolver};

/// The service's name in errors.
const SERVICE: &str = "http";
