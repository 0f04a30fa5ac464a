//! What is tried on the network: E60 to E65.
//! No row sends anything: a socket is made, or directed at this machine itself.

use super::expected::{Cell, by, either, is};
use super::row::{Row, Trial, trial, tried};

/// No such family, for the confined.
const fn absent(what: &'static str, trusted: Cell) -> Trial {
    trial(what, trusted, is("EAFNOSUPPORT"), is("EAFNOSUPPORT"))
}

pub(super) const ROWS: &[Row] = &[
    tried(
        "E60",
        "the internet",
        &[
            absent("TCP over IPv4", is("ok")),
            absent("TCP over IPv6", either(&["ok", "EAFNOSUPPORT"])),
            absent("UDP over IPv4", is("ok")),
            absent("UDP over IPv6", either(&["ok", "EAFNOSUPPORT"])),
            absent("raw ICMP", by("ok", "EPERM")),
            absent("ping", either(&["ok", "EACCES"])),
        ],
    ),
    tried(
        "E61",
        "protocols beside TCP",
        &[
            absent("MPTCP", either(&["ok", "EPROTONOSUPPORT"])),
            absent("SCTP", either(&["ok", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT"])),
            absent("SMC", either(&["ok", "EAFNOSUPPORT"])),
        ],
    ),
    tried(
        "E62",
        "families beside the internet's",
        &[
            absent("AF_VSOCK", either(&["ok", "EAFNOSUPPORT"])),
            absent("AF_NETLINK", is("ok")),
            absent("AF_PACKET", either(&["ok", "EPERM", "EAFNOSUPPORT"])),
            absent("AF_XDP", either(&["ok", "EPERM", "EAFNOSUPPORT"])),
            absent("AF_ALG", either(&["ok", "EAFNOSUPPORT"])),
            absent("AF_UNIX", is("ok")),
        ],
    ),
    tried("E63", "the host's abstract socket", &[absent("connect to the host's abstract name", is("ok"))]),
    tried(
        "E64",
        "pairs of sockets",
        &[
            trial("a pair of local streams", is("ok"), is("ok"), is("ok")),
            // Either end could be directed at any socket that has a path.
            trial("a pair of local datagram sockets", is("ok"), is("EPERM"), is("EPERM")),
            absent("a pair of TCP sockets", is("EOPNOTSUPP")),
        ],
    ),
    tried(
        "E65",
        "names as a way out",
        &[
            trial(
                "read /etc/resolv.conf",
                either(&["ok", "ENOENT"]),
                super::expected::if_there("/etc/resolv.conf", "EACCES"),
                is("ENOENT"),
            ),
            absent("direct a datagram socket at a resolver", is("ok")),
        ],
    ),
];
