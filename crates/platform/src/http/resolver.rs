//! Turns names into addresses.
//! It does not judge them: the broker checks every address, and connects to one that it checked.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use plugdock_contracts::BoxFuture;
use tokio::sync::Semaphore;

/// Lookups at once. A lookup cannot be cut off and holds a thread until the system gives up, so a name server that does not
/// answer must not take every thread of the host.
const MAX_LOOKUPS: usize = 16;

/// Turns names into addresses.
pub trait Resolver: Send + Sync {
    /// Every address of a name, in order of preference. Dropping the future gives up.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Asks the system: its hosts file and its name servers.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    turns: Arc<Semaphore>,
}

impl SystemResolver {
    /// A resolver with its own bound on lookups at once.
    pub fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(io::Error::other)?;
            let host = host.to_owned();
            // `tokio::net::lookup_host` does the same, but a lookup whose caller went away would no longer count.
            let lookup = move || {
                let found = (host.as_str(), 0).to_socket_addrs();
                drop(turn);
                found.map(|found| found.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn an_address_is_its_own_answer() {
        let found = SystemResolver::new().resolve("192.0.2.7").await.unwrap();
        assert_eq!(found, [IpAddr::from(Ipv4Addr::new(192, 0, 2, 7))]);
    }

    #[tokio::test]
    async fn lookups_wait_for_their_turn() {
        let resolver = SystemResolver::new();
        let taken = Arc::clone(&resolver.turns).acquire_many_owned(16).await.unwrap();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut lookup = resolver.resolve("192.0.2.7");
        assert!(lookup.as_mut().poll(&mut cx).is_pending());
        drop(taken);
        assert_eq!(lookup.await.unwrap().len(), 1);
    }
}
