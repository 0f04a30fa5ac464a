//! Preludes and frames as bytes, after `docs/ipc-protocol.md` sections 1 and 2, with metas in JSON.
//! It checks nothing of what it reads and nothing of what it writes.

use std::io::{self, Read, Write};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

/// Kinds of section 4.
pub(crate) const HELLO: u8 = 0x01;
pub(crate) const STARTED: u8 = 0x21;
pub(crate) const REPLY: u8 = 0x23;
pub(crate) const LOG: u8 = 0x30;
const CALL: u8 = 0x20;

/// The worker's prelude: the magic, protocol 1, the codec JSON, no flags.
pub(crate) const PRELUDE: [u8; 16] = *b"PLUGDOCK\x01\x00\x02\x00\x00\x00\x00\x00";

/// An introduction that a host accepts.
pub(crate) const INTRODUCTION: &str = r#"{"plugin_id":"acme/fault","plugin_version":"1.0.0","runtime_name":"plugdock-fault","runtime_version":"0","handlers":[{"name":"run"}]}"#;

/// The channel to the host.
pub(crate) struct Channel(UnixStream);

/// A frame with its lengths right.
pub(crate) fn frame(kind: u8, call: u64, meta: &str, payload: &[u8]) -> Vec<u8> {
    let meta_length = u32::try_from(meta.len()).expect("a meta is short");
    let length = u32::try_from(16 + meta.len() + payload.len()).expect("a frame is short");
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend([kind, 0, 0, 0]);
    bytes.extend(call.to_le_bytes());
    bytes.extend(meta_length.to_le_bytes());
    bytes.extend(meta.as_bytes());
    bytes.extend(payload);
    bytes
}

/// A good answer to a call.
pub(crate) fn reply(call: u64) -> Vec<u8> {
    frame(REPLY, call, r#"{"content_type":"application/json"}"#, b"\"done\"")
}

impl Channel {
    pub(crate) fn of_stdin() -> io::Result<Self> {
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        stream.set_nonblocking(false)?;
        Ok(Self(stream))
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.0
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Sends the prelude and the introduction, and reads the welcome.
    pub(crate) fn introduce(&mut self) -> io::Result<()> {
        self.introduce_as(INTRODUCTION)
    }

    pub(crate) fn introduce_as(&mut self, introduction: &str) -> io::Result<()> {
        self.write(&PRELUDE)?;
        self.write(&frame(HELLO, 0, introduction, b""))?;
        self.0.read_exact(&mut [0; 16])?;
        self.read_frame().map(drop)
    }

    /// The kind and the call of the next frame.
    pub(crate) fn read_frame(&mut self) -> io::Result<(u8, u64)> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let mut header = [0; 16];
        self.0.read_exact(&mut header)?;
        let rest = u64::from(u32::from_le_bytes(length)).saturating_sub(16);
        io::copy(&mut (&self.0).take(rest), &mut io::sink())?;
        let call = u64::from_le_bytes(header[4..12].try_into().expect("eight bytes are eight bytes"));
        Ok((header[0], call))
    }

    /// Introduces itself, waits for the call, and says that it runs.
    pub(crate) fn take_call(&mut self) -> io::Result<u64> {
        self.introduce()?;
        loop {
            if let (CALL, call) = self.read_frame()? {
                self.write(&frame(STARTED, call, "{}", b""))?;
                return Ok(call);
            }
        }
    }

    /// Reads until the host closes.
    pub(crate) fn read_to_end(&mut self) -> io::Result<()> {
        io::copy(&mut self.0, &mut io::sink()).map(drop)
    }
}
