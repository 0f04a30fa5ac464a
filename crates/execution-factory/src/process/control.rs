//! The socket between host and spawner: one JSON document per packet, with descriptors beside it.
//! It knows packets, not what they mean; both ends use it.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::MAX_MESSAGE;
use super::sys;

/// A message that cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// It is longer than a packet may be.
    #[error("the message has {length} bytes, more than the {MAX_MESSAGE} a packet may have")]
    TooLarge {
        /// Its length.
        length: usize,
    },
    /// It has no JSON form.
    #[error("the message has no JSON form")]
    Json(#[from] serde_json::Error),
}

/// A connected pair of packet sockets, both close-on-exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// The bytes of one packet.
pub(crate) fn encode(message: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MAX_MESSAGE { Err(EncodeError::TooLarge { length: bytes.len() }) } else { Ok(bytes) }
}

/// Sends one packet; on a non-blocking socket it may answer `EAGAIN`.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    let control = if numbers.is_empty() { &rights[..0] } else { &rights[..] };
    loop {
        let sent = sendmsg::<UnixAddr>(
            socket.as_raw_fd(),
            &[IoSlice::new(packet)],
            control,
            MsgFlags::MSG_NOSIGNAL,
            None,
        );
        match sent {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// What arrived.
#[derive(Debug)]
pub(crate) enum Received<T> {
    /// A message with its descriptors.
    Message(T, Vec<OwnedFd>),
    /// The other end is gone.
    Closed,
}

/// Receives one packet into `buffer`, which holds at least [`MAX_MESSAGE`] bytes.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<Received<T>> {
    let packet = loop {
        match sys::receive(socket, buffer) {
            Ok(packet) => break packet,
            Err(Errno::EINTR) => {}
            // The other end closed with unread packets in its queue.
            Err(Errno::ECONNRESET) => return Ok(Received::Closed),
            Err(errno) => return Err(errno.into()),
        }
    };
    if packet.length == 0 {
        return Ok(Received::Closed);
    }
    if packet.cut {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet is longer than allowed"));
    }
    let message = serde_json::from_slice(&buffer[..packet.length])?;
    Ok(Received::Message(message, packet.descriptors))
}

/// Whether a descriptor is a connected packet socket.
pub(crate) fn is_packet_socket(socket: &impl AsFd) -> bool {
    use nix::sys::socket::{getsockopt, sockopt};
    getsockopt(socket, sockopt::SockType).is_ok_and(|kind| kind == SockType::SeqPacket)
}

#[cfg(test)]
mod tests {
    use super::super::message::Request;
    use super::*;

    #[test]
    fn a_packet_keeps_its_bounds_and_its_descriptors() {
        let (left, right) = pair().unwrap();
        let kill = encode(&Request::Kill { id: 7 }).unwrap();
        let signal = encode(&Request::Signal { id: 8, signal: 15 }).unwrap();
        send(left.as_fd(), &kill, &[left.as_fd(), right.as_fd()]).unwrap();
        send(left.as_fd(), &signal, &[]).unwrap();
        drop(left);
        let mut buffer = vec![0; MAX_MESSAGE];
        let first = receive::<Request>(right.as_fd(), &mut buffer).unwrap();
        assert!(
            matches!(&first, Received::Message(Request::Kill { id: 7 }, fds) if fds.len() == 2),
            "{first:?}"
        );
        let second = receive::<Request>(right.as_fd(), &mut buffer).unwrap();
        assert!(
            matches!(&second, Received::Message(Request::Signal { id: 8, signal: 15 }, fds) if fds.is_empty())
        );
        drop(first);
        assert!(matches!(receive::<Request>(right.as_fd(), &mut buffer).unwrap(), Received::Closed));
    }

    #[test]
    fn the_largest_packet_fits_the_default_socket_and_a_larger_one_is_a_typed_error() {
        let (left, right) = pair().unwrap();
        let fits = encode(&"x".repeat(MAX_MESSAGE - 2)).unwrap();
        send(left.as_fd(), &fits, &[]).unwrap();
        let mut buffer = vec![0; MAX_MESSAGE];
        assert!(matches!(receive::<String>(right.as_fd(), &mut buffer).unwrap(), Received::Message(..)));
        let error = encode(&"x".repeat(MAX_MESSAGE)).unwrap_err();
        assert!(matches!(error, EncodeError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn garbage_is_an_error_and_no_panic() {
        let (left, right) = pair().unwrap();
        send(left.as_fd(), b"\xff\x00{", &[]).unwrap();
        let mut buffer = vec![0; MAX_MESSAGE];
        assert!(receive::<Request>(right.as_fd(), &mut buffer).is_err());
    }
}
