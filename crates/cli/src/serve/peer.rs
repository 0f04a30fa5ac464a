//! Who may use the socket: the user who runs the server, and root.
//! It decides on numbers; the kernel says whose they are.

use std::io;

use tokio::net::UnixStream;

/// The superuser, who could read the server's memory anyway.
const ROOT: u32 = 0;

/// Whether one end may trust the other.
pub(crate) fn admits(own: u32, peer: u32) -> bool {
    peer == own || peer == ROOT
}

/// The user that this process is for the kernel, as the other end of a socket would see it.
pub(crate) fn own_uid() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_user_and_root_are_admitted_and_nobody_else() {
        for (own, peer, expected) in
            [(1000, 1000, true), (1000, 0, true), (1000, 1001, false), (0, 0, true), (0, 1000, false)]
        {
            assert_eq!(admits(own, peer), expected, "{own} and {peer}");
        }
    }
}
