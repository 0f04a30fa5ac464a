//! The sixteen bytes each side sends before anything encoded, so that a mismatch is told in words.
//! It knows no frames; only `handshake` reads and writes it.

use crate::codec::CodecKind;

/// The first eight bytes of both directions.
pub const MAGIC: [u8; 8] = *b"PLUGDOCK";
/// The protocol spoken here. It is the project's own number, not the release version.
pub const PROTOCOL: u16 = 1;
/// Length of the prelude on the wire.
pub const PRELUDE_LEN: usize = 16;

/// What one side announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prelude {
    /// The protocol that follows.
    pub protocol: u16,
    /// The number of the codec of all metas that follow.
    pub codec: u8,
    /// None are defined; zero.
    pub flags: u8,
    /// Zero.
    pub reserved: u32,
}

impl Prelude {
    /// The prelude of this protocol with the given codec.
    pub fn new(codec: CodecKind) -> Self {
        Self { protocol: PROTOCOL, codec: codec.number(), flags: 0, reserved: 0 }
    }

    /// The bytes on the wire.
    pub fn to_bytes(self) -> [u8; PRELUDE_LEN] {
        let mut out = [0; PRELUDE_LEN];
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&self.protocol.to_le_bytes());
        out[10] = self.codec;
        out[11] = self.flags;
        out[12..].copy_from_slice(&self.reserved.to_le_bytes());
        out
    }

    /// Reads the bytes of a peer; whether they can be spoken is [`Prelude::agree`]'s question.
    ///
    /// # Errors
    /// When the magic is another one.
    pub fn from_bytes(bytes: [u8; PRELUDE_LEN]) -> Result<Self, PreludeError> {
        if bytes[..8] != MAGIC {
            return Err(PreludeError::not_the_protocol(&bytes));
        }
        Ok(Self {
            protocol: u16::from_le_bytes([bytes[8], bytes[9]]),
            codec: bytes[10],
            flags: bytes[11],
            reserved: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
        })
    }

    /// The codec to go on with, when this side can speak what the peer announced.
    ///
    /// # Errors
    /// Which number differs: protocol, codec or flags.
    pub fn agree(self, side: Side) -> Result<CodecKind, PreludeError> {
        let differs =
            |what, ours: u32, theirs: u32| PreludeError::ProtocolMismatch { what, ours, theirs, side };
        if self.protocol != PROTOCOL {
            return Err(differs(MismatchKind::Protocol, PROTOCOL.into(), self.protocol.into()));
        }
        if self.flags != 0 || self.reserved != 0 {
            return Err(differs(MismatchKind::Flags, 0, self.reserved << 8 | u32::from(self.flags)));
        }
        let newest = CodecKind::Json.number().into();
        CodecKind::from_number(self.codec)
            .ok_or_else(|| differs(MismatchKind::Codec, newest, self.codec.into()))
    }

    /// The mismatch of an answer in another codec than the one this side chose.
    pub(crate) fn codec_differs(self, ours: CodecKind, side: Side) -> PreludeError {
        let (ours, theirs) = (ours.number().into(), self.codec.into());
        PreludeError::ProtocolMismatch { what: MismatchKind::Codec, ours, theirs, side }
    }
}

/// Which end of the connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The end that opens calls.
    Host,
    /// The end that runs them.
    Worker,
}

/// Which announced number the two sides do not share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MismatchKind {
    /// The protocol number.
    Protocol,
    /// The codec; `ours` is the highest known here.
    Codec,
    /// Flags or reserved bytes that mean nothing here.
    Flags,
}

impl std::fmt::Display for MismatchKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Protocol => "protocol",
            Self::Codec => "codec",
            Self::Flags => "flags",
        })
    }
}

/// Why a prelude was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreludeError {
    /// Both speak plugdock, not the same one.
    #[error("{what} mismatch: this side speaks {ours}, the peer announced {theirs}; {}", remedy(*side, *ours, *theirs))]
    ProtocolMismatch {
        /// Which number.
        what: MismatchKind,
        /// Ours.
        ours: u32,
        /// Theirs.
        theirs: u32,
        /// Who is speaking, which decides what to do about it.
        side: Side,
    },
    /// The peer does not speak plugdock at all.
    #[error(
        "the peer does not speak the plugdock protocol: its first bytes are \"{shown}\"; \
         a program that is not a plugin, or one that writes text to the channel, looks like this"
    )]
    BadMagic {
        /// The first bytes, escaped.
        shown: String,
    },
}

impl PreludeError {
    /// The refusal of bytes that do not begin with the magic; `seen` may be fewer than a prelude.
    pub(crate) fn not_the_protocol(seen: &[u8]) -> Self {
        Self::BadMagic { shown: seen.escape_ascii().to_string() }
    }
}

fn remedy(side: Side, ours: u32, theirs: u32) -> &'static str {
    match (side, theirs > ours) {
        (Side::Host, true) => {
            "upgrade the host, or rebuild the plugin with the runtime of the host's release"
        }
        (Side::Host, false) => "rebuild the plugin with the runtime of the host's release",
        (Side::Worker, true) => "rebuild this plugin with the runtime of the host's release",
        (Side::Worker, false) => {
            "upgrade the host, or rebuild this plugin with the runtime of the host's release"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_the_prelude() {
        assert_eq!(Prelude::new(CodecKind::Bincode).to_bytes(), *b"PLUGDOCK\x01\0\x01\0\0\0\0\0");
        assert_eq!(Prelude::new(CodecKind::Json).to_bytes(), *b"PLUGDOCK\x01\0\x02\0\0\0\0\0");
    }

    #[test]
    fn each_mismatch_is_named() {
        let good = Prelude::new(CodecKind::Json);
        assert_eq!(good.agree(Side::Host), Ok(CodecKind::Json));
        for (prelude, kind) in [
            (Prelude { protocol: 2, ..good }, MismatchKind::Protocol),
            (Prelude { protocol: 0, ..good }, MismatchKind::Protocol),
            (Prelude { codec: 9, ..good }, MismatchKind::Codec),
            (Prelude { flags: 1, ..good }, MismatchKind::Flags),
            (Prelude { reserved: 1, ..good }, MismatchKind::Flags),
        ] {
            let read = Prelude::from_bytes(prelude.to_bytes()).unwrap();
            let PreludeError::ProtocolMismatch { what, .. } = read.agree(Side::Host).unwrap_err() else {
                panic!()
            };
            assert_eq!(what, kind);
        }
    }

    #[test]
    fn a_mismatch_says_who_must_change() {
        let newer = Prelude { protocol: PROTOCOL + 1, ..Prelude::new(CodecKind::Json) };
        let text = newer.agree(Side::Host).unwrap_err().to_string();
        assert!(text.contains("this side speaks 1, the peer announced 2; upgrade the host"), "{text}");
        let text = newer.agree(Side::Worker).unwrap_err().to_string();
        assert!(text.contains("rebuild this plugin"), "{text}");
    }

    #[test]
    fn text_on_the_channel_is_shown_escaped() {
        let err = Prelude::from_bytes(*b"hello\nworld\x1b[1m!").unwrap_err();
        assert!(err.to_string().contains(r#""hello\nworld\x1b[1m!""#), "{err}");
    }
}
