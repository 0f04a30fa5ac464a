//! Sockets of every family and protocol. Nothing is sent to the network, and no virtual socket is connected.
//! What is connected is a socket of the host's own, or a datagram socket, which sends nothing by that.
//! Where nothing confines it, the kernel may load its module of a family or protocol that it has as one.

use super::call::{Answer, address, address_mut, call, closed, try_open};
use super::stage::{Results, Stage, tried};

const STREAM: i32 = libc::SOCK_STREAM;
const DATAGRAM: i32 = libc::SOCK_DGRAM;

/// Numbers that the C library does not name everywhere.
const AF_SMC: i32 = 43;
const AF_XDP: i32 = 44;
const IPPROTO_MPTCP: i32 = 262;

fn socket(family: i32, kind: i32, protocol: i32) -> Answer {
    call(libc::SYS_socket, &[family as isize, kind as isize, protocol as isize])
}

fn made(what: &str, family: i32, kind: i32, protocol: i32) -> plugdock_testkit::escape::Attempted {
    tried(what, closed(socket(family, kind, protocol)))
}

/// The address of a local socket in the kernel's form: the family and the name, which begins with a zero if it is abstract.
pub(crate) fn local_address(name: &[u8]) -> Vec<u8> {
    let family = u16::try_from(libc::AF_UNIX).expect("a family is a small number");
    [&family.to_ne_bytes()[..], name].concat()
}

pub(crate) fn connect(socket: isize, to: &[u8]) -> Answer {
    call(libc::SYS_connect, &[socket, address(to), to.len().cast_signed()])
}

pub(crate) fn internet() -> Results {
    vec![
        made("TCP over IPv4", libc::AF_INET, STREAM, 0),
        made("TCP over IPv6", libc::AF_INET6, STREAM, 0),
        made("UDP over IPv4", libc::AF_INET, DATAGRAM, 0),
        made("UDP over IPv6", libc::AF_INET6, DATAGRAM, 0),
        made("raw ICMP", libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        made("ping", libc::AF_INET, DATAGRAM, libc::IPPROTO_ICMP),
    ]
}

pub(crate) fn protocols() -> Results {
    vec![
        made("MPTCP", libc::AF_INET, STREAM, IPPROTO_MPTCP),
        made("SCTP", libc::AF_INET, STREAM, libc::IPPROTO_SCTP),
        made("SMC", AF_SMC, STREAM, 0),
    ]
}

pub(crate) fn families() -> Results {
    vec![
        made("AF_VSOCK", libc::AF_VSOCK, STREAM, 0),
        made("AF_NETLINK", libc::AF_NETLINK, libc::SOCK_RAW, 0),
        made("AF_PACKET", libc::AF_PACKET, libc::SOCK_RAW, 0),
        made("AF_XDP", AF_XDP, libc::SOCK_RAW, 0),
        made("AF_ALG", libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        made("AF_UNIX", libc::AF_UNIX, STREAM, 0),
    ]
}

pub(crate) fn host_name(stage: &Stage) -> Results {
    let reached = || -> Answer {
        let socket = socket(libc::AF_UNIX, STREAM, 0)?;
        let name = [b"\0", stage.facts.abstract_name.as_bytes()].concat();
        let answer = connect(socket, &local_address(&name));
        closed(Ok(socket))?;
        answer
    };
    vec![tried("connect to the host's abstract name", reached())]
}

fn pair(what: &str, family: i32, kind: i32) -> plugdock_testkit::escape::Attempted {
    let mut ends = [-1_i32; 2];
    let answer = call(libc::SYS_socketpair, &[family as isize, kind as isize, 0, address_mut(&mut ends)]);
    if answer.is_ok() {
        for end in ends {
            // It was just opened.
            let _closed = closed(Ok(end as isize));
        }
    }
    tried(what, answer)
}

pub(crate) fn pairs() -> Results {
    vec![
        pair("a pair of local streams", libc::AF_UNIX, STREAM),
        pair("a pair of local datagram sockets", libc::AF_UNIX, DATAGRAM),
        pair("a pair of TCP sockets", libc::AF_INET, STREAM),
    ]
}

pub(crate) fn names() -> Results {
    let towards_resolver = || -> Answer {
        let socket = socket(libc::AF_INET, DATAGRAM, 0)?;
        let family = u16::try_from(libc::AF_INET).expect("a family is a small number");
        let to = [&family.to_ne_bytes()[..], &53_u16.to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat();
        let answer = connect(socket, &to);
        closed(Ok(socket))?;
        answer
    };
    vec![
        tried("read /etc/resolv.conf", try_open("/etc/resolv.conf", libc::O_RDONLY)),
        tried("direct a datagram socket at a resolver", towards_resolver()),
    ]
}
