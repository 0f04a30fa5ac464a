//! What sort of address an IP address is, and which sorts a request may connect to.
//! This is about addresses that a name resolved to; which names may be asked for at all is [`UrlPattern`](super::UrlPattern)'s.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for, by the registries of special-purpose addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressClass {
    /// A host of the public internet.
    Public,
    /// "This host" or "this network": `0.0.0.0/8`, `::`.
    Unspecified,
    /// The machine itself: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A private network: RFC 1918, unique local addresses, site-local addresses.
    Private,
    /// A network behind a carrier's translation: `100.64.0.0/10`.
    Shared,
    /// Neighbours on the link: `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// The metadata service of a cloud, which hands out credentials. Never part of another class, so that allowing
    /// link-local or private addresses does not allow it.
    Metadata,
    /// A group of hosts.
    Multicast,
    /// Every host of the link: `255.255.255.255`.
    Broadcast,
    /// Examples in documents.
    Documentation,
    /// Everything else that is not public: benchmarks, protocol assignments, tunnels, space not given out.
    Reserved,
}

/// Blocks of IPv4 by first address and prefix length; the first that holds an address decides.
const V4_BLOCKS: [(Ipv4Addr, u32, AddressClass); 20] = [
    (Ipv4Addr::new(169, 254, 169, 254), 32, AddressClass::Metadata),
    // Alibaba, Oracle and Azure answer at these; the last is in public space.
    (Ipv4Addr::new(100, 100, 100, 200), 32, AddressClass::Metadata),
    (Ipv4Addr::new(192, 0, 0, 192), 32, AddressClass::Metadata),
    (Ipv4Addr::new(168, 63, 129, 16), 32, AddressClass::Metadata),
    (Ipv4Addr::BROADCAST, 32, AddressClass::Broadcast),
    (Ipv4Addr::UNSPECIFIED, 8, AddressClass::Unspecified),
    (Ipv4Addr::new(10, 0, 0, 0), 8, AddressClass::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, AddressClass::Shared),
    (Ipv4Addr::new(127, 0, 0, 0), 8, AddressClass::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, AddressClass::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, AddressClass::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, AddressClass::Reserved),
    (Ipv4Addr::new(192, 0, 2, 0), 24, AddressClass::Documentation),
    (Ipv4Addr::new(192, 88, 99, 0), 24, AddressClass::Reserved),
    (Ipv4Addr::new(192, 168, 0, 0), 16, AddressClass::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, AddressClass::Reserved),
    (Ipv4Addr::new(198, 51, 100, 0), 24, AddressClass::Documentation),
    (Ipv4Addr::new(203, 0, 113, 0), 24, AddressClass::Documentation),
    (Ipv4Addr::new(224, 0, 0, 0), 4, AddressClass::Multicast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, AddressClass::Reserved),
];

/// Blocks of IPv6, likewise. What none of them holds is public inside `2000::/3` and reserved outside.
const V6_BLOCKS: [(Ipv6Addr, u32, AddressClass); 11] = [
    // AWS answers here, in space that is unique local otherwise.
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, AddressClass::Metadata),
    (Ipv6Addr::UNSPECIFIED, 128, AddressClass::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, AddressClass::Loopback),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, AddressClass::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, AddressClass::LinkLocal),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, AddressClass::Private),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, AddressClass::Multicast),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, AddressClass::Documentation),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, AddressClass::Documentation),
    // Teredo tunnels, benchmarks and overlay identifiers; no public service has an address here.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, AddressClass::Reserved),
    // NAT64 with a prefix of the local network leads wherever that network's translator leads.
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, AddressClass::Private),
];

impl AddressClass {
    /// The class of an address. An IPv6 address that stands for an IPv4 address (mapped, compatible, 6to4, NAT64) has the class
    /// of that address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let holds =
            |block: Ipv4Addr, length: u32| (address.to_bits() ^ block.to_bits()) >> (32 - length) == 0;
        let block = V4_BLOCKS.iter().find(|(block, length, _)| holds(*block, *length));
        block.map_or(Self::Public, |(.., class)| *class)
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let holds =
            |block: Ipv6Addr, length: u32| (address.to_bits() ^ block.to_bits()) >> (128 - length) == 0;
        let block = V6_BLOCKS.iter().find(|(block, length, _)| holds(*block, *length));
        match (block, embedded_v4(address)) {
            (Some((.., class)), _) => *class,
            (None, Some(embedded)) => Self::of_v4(embedded),
            (None, None) if address.segments()[0] & 0xe000 == 0x2000 => Self::Public,
            (None, None) => Self::Reserved,
        }
    }
}

/// The IPv4 address that an IPv6 address stands for.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    let segments = address.segments();
    match segments[..6] {
        // Mapped `::ffff:a.b.c.d`, compatible `::a.b.c.d`, translated `::ffff:0:a.b.c.d`, NAT64 `64:ff9b::a.b.c.d`.
        [0, 0, 0, 0, 0, 0xffff | 0] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => {
            Some(join(segments[6], segments[7]))
        }
        // 6to4 `2002:ab:cd::`.
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Public => "public",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "carrier-shared",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Reserved => "reserved",
        })
    }
}

/// Whether an address is anything but a host of the public internet.
pub fn is_private_address(address: IpAddr) -> bool {
    AddressClass::of(address) != AddressClass::Public
}

/// Which addresses a request may connect to. Check every address that a name resolves to, then connect to one that passed,
/// without resolving again: the second answer may be another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    classes: Vec<AddressClass>,
    addresses: Vec<IpAddr>,
}

impl AddressPolicy {
    /// Public addresses only.
    pub fn public_only() -> Self {
        Self::default()
    }

    /// The same, and every address of a class.
    #[must_use]
    pub fn allow_class(mut self, class: AddressClass) -> Self {
        self.classes.push(class);
        self
    }

    /// The same, and one address, whatever its class.
    #[must_use]
    pub fn allow_address(mut self, address: IpAddr) -> Self {
        self.addresses.push(address.to_canonical());
        self
    }

    /// Passes an address that may be connected to.
    ///
    /// # Errors
    /// [`AddressRefused`] with the class of the address, if it may not.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let class = AddressClass::of(address);
        let allowed = class == AddressClass::Public
            || self.classes.contains(&class)
            || self.addresses.contains(&address.to_canonical());
        if allowed { Ok(()) } else { Err(AddressRefused { address, class }) }
    }
}

/// An address that must not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is a {class} address, and no request may connect to it")]
#[non_exhaustive]
pub struct AddressRefused {
    /// The address.
    pub address: IpAddr,
    /// Its class.
    pub class: AddressClass,
}
