//! Local pairs of sockets and sockets with a path: the way out that the rule on kinds of pairs closes.
//! Landlock closes it from version 9 on only.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixDatagram;

use libc::{c_int, c_long, sockaddr_un};
use nix::errno::Errno;

use super::super::filter::SyscallFilter;
use super::POLICIES;
use super::child::{User, heard, raw, say, under};

/// An address in the form of the kernel, with its length.
fn address(path: &std::path::Path) -> (Box<sockaddr_un>, c_long) {
    let mut address =
        Box::new(sockaddr_un { sun_family: libc::AF_UNIX.try_into().unwrap(), sun_path: [0; 108] });
    for (to, from) in address.sun_path.iter_mut().zip(path.as_os_str().as_bytes()) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    (address, size_of::<sockaddr_un>().try_into().unwrap())
}

fn pointer<T>(to: *const T) -> c_long {
    to.expose_provenance().try_into().unwrap()
}

/// Makes a pair in a child and sends a byte from it to the path; tells the answers of both calls.
fn attempt(filter: Option<&SyscallFilter>, kind: c_int, path: &std::path::Path) -> Vec<i32> {
    let (address, length) = address(path);
    let byte = b"x";
    let number = |result: Result<c_long, Errno>| result.map_or_else(|errno| errno as i32, |_| 0);
    let ended = under(User::Same, filter, |to| {
        let family = c_long::from(libc::AF_UNIX);
        let mut ends: [c_int; 2] = [-1; 2];
        let made = raw(libc::SYS_socketpair, [family, kind.into(), 0, pointer(&raw mut ends), 0, 0]);
        let destination = pointer(&raw const *address);
        let sent = raw(libc::SYS_sendto, [ends[0].into(), pointer(byte.as_ptr()), 1, 0, destination, length]);
        say(to, &[number(made), number(sent)]);
    });
    heard(&ended.said)
}

#[test]
fn a_pair_reaches_no_socket_with_a_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("foreign");
    let foreign = UnixDatagram::bind(&path).unwrap();
    foreign.set_nonblocking(true).unwrap();
    let reached = || foreign.recv(&mut [0; 8]).is_ok();
    // This is why datagram pairs are refused, though pairs are allowed.
    assert_eq!(attempt(None, libc::SOCK_DGRAM, &path), [0, 0]);
    assert!(reached());
    for policy in &POLICIES {
        let filter = SyscallFilter::compile(policy);
        assert_eq!(attempt(Some(&filter), libc::SOCK_DGRAM, &path), [libc::EPERM, libc::EBADF]);
        assert_eq!(attempt(Some(&filter), libc::SOCK_STREAM, &path), [0, libc::EISCONN]);
        // The kernel takes no address there: the byte goes to the other end.
        assert_eq!(attempt(Some(&filter), libc::SOCK_SEQPACKET, &path), [0, 0]);
        assert!(!reached());
    }
}
