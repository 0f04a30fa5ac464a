//! The worker's end of its channel: the socket it inherited, found by the number in its environment.
//! It opens and speaks nothing; whoever takes the descriptor decides what travels over it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys;

/// The variable that carries the descriptor's number.
pub const CHANNEL_VARIABLE: &str = "PLUGDOCK_CHANNEL_FD";

/// The number at which a spawner passes the channel.
pub const CHANNEL_DESCRIPTOR: i32 = 3;

/// An owner exists once the number was taken; a second one would close a descriptor that is not its own.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the inherited channel, once per process.
///
/// The descriptor is checked to be an open stream or packet socket and is marked close-on-exec at once, so
/// that no child of the worker gets it. The variable is removed from the environment if no other thread
/// exists yet (call this first in `main`). Otherwise it stays visible to children, where it names a
/// descriptor that they do not have: taking it there fails.
///
/// # Errors
/// When the variable is missing or is no number above 2, when the descriptor is not an open socket, or when
/// it was taken before.
pub fn take_inherited() -> io::Result<OwnedFd> {
    let text = std::env::var(CHANNEL_VARIABLE).map_err(|_absent| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("{CHANNEL_VARIABLE} is not set: not started as a worker"),
        )
    })?;
    let number = parse(&text)?;
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the channel was taken before"));
    }
    match claim(number) {
        Ok(channel) => {
            sys::remove_variable_if_alone(CHANNEL_VARIABLE);
            Ok(channel)
        }
        Err(error) => {
            TAKEN.store(false, Ordering::SeqCst);
            Err(error)
        }
    }
}

fn parse(text: &str) -> io::Result<i32> {
    text.parse::<i32>().ok().filter(|number| *number > 2).ok_or_else(|| {
        let shown: String = text.chars().take(32).flat_map(char::escape_default).collect();
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{CHANNEL_VARIABLE} is `{shown}`, which is no descriptor number above 2"),
        )
    })
}

fn claim(number: i32) -> io::Result<OwnedFd> {
    let kind = sys::socket_type(number)?;
    if kind != libc::SOCK_STREAM && kind != libc::SOCK_SEQPACKET {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the inherited socket keeps no connection"));
    }
    sys::set_close_on_exec(number)?;
    Ok(sys::own_inherited(number))
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn numbers_of_standard_streams_and_words_are_refused() {
        for text in ["", "0", "2", "-1", "3x", "99999999999999999999"] {
            assert_eq!(parse(text).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{text}");
        }
        assert_eq!(parse("3").unwrap(), 3);
    }

    #[test]
    fn a_claimed_socket_closes_on_exec() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let number = theirs.into_raw_fd();
        let channel = claim(number).unwrap();
        assert!(sys::closes_on_exec(number).unwrap());
        drop((ours, channel));
    }

    #[test]
    fn what_is_no_open_socket_is_refused() {
        assert!(claim(987_654).is_err());
        let file = std::fs::File::open("/dev/null").unwrap().into_raw_fd();
        assert!(claim(file).is_err());
        drop(sys::own_inherited(file));
    }
}
