//! The twenty bytes before meta and payload: length, kind, flags, call id and meta length.
//! It checks what can be known from the header alone; nothing is allocated before it passed.

use super::{CallId, Kind, Scope};
use crate::limit::{LinkLimits, MAX_META};

/// Bytes of the length field.
pub const LEN_FIELD: usize = 4;
/// Bytes of the whole header, length field included.
pub const HEADER_LEN: usize = 20;
/// Where the call id stands in the header.
pub(crate) const CALL_FIELD: std::ops::Range<usize> = 8..16;
/// What the length field counts besides meta and payload.
const COUNTED: u32 = 16;

/// The header as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawHeader {
    /// Bytes after the length field.
    pub(crate) len: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) reserved: u16,
    pub(crate) call: u64,
    pub(crate) meta_len: u32,
}

/// A header that passed its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) call: CallId,
    pub(crate) meta_len: usize,
    pub(crate) payload_len: u32,
}

/// A header that no honest peer sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The length cannot hold the rest of the header and the meta.
    #[error("frame of {len} bytes is too short for its header and a meta of {meta_len}")]
    TooShort {
        /// The length field.
        len: u32,
        /// The meta length field.
        meta_len: u32,
    },
    /// The meta part is beyond [`MAX_META`].
    #[error("frame meta of {meta_len} bytes is above the bound of {}", MAX_META)]
    MetaTooLong {
        /// The meta length field.
        meta_len: u32,
    },
    /// The payload is so long that not even reading past it is worth it.
    #[error("frame payload of {payload_len} bytes is above the bound of {bound} for reading past it")]
    Unskippable {
        /// What the header announces.
        payload_len: u32,
        /// The skip limit.
        bound: u64,
    },
    /// The kind is not one of this protocol.
    #[error("frame kind {number:#04x} is not known")]
    UnknownKind {
        /// The kind field.
        number: u8,
    },
    /// Flags or reserved bytes are set; none have a meaning in this protocol.
    #[error("frame flags {flags:#04x} and reserved bytes {reserved:#06x} must be zero")]
    FlagsSet {
        /// The flags field.
        flags: u8,
        /// The reserved field.
        reserved: u16,
    },
    /// A kind that carries no payload came with one.
    #[error("{kind} frame with a payload of {payload_len} bytes")]
    PayloadNotAllowed {
        /// The kind.
        kind: Kind,
        /// What the header announces.
        payload_len: u32,
    },
    /// A frame about a call without a call, or one about the connection with one.
    #[error("frame kind {kind} with call id {call}")]
    WrongScope {
        /// The kind.
        kind: Kind,
        /// The call id.
        call: CallId,
    },
}

impl RawHeader {
    pub(crate) fn new(kind: Kind, call: CallId, meta_len: u32, payload_len: u32) -> Self {
        Self {
            len: COUNTED + meta_len + payload_len,
            kind: kind.number(),
            flags: 0,
            reserved: 0,
            call: call.0,
            meta_len,
        }
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[..4].copy_from_slice(&self.len.to_le_bytes());
        out[4] = self.kind;
        out[5] = self.flags;
        out[6..8].copy_from_slice(&self.reserved.to_le_bytes());
        out[CALL_FIELD].copy_from_slice(&self.call.to_le_bytes());
        out[16..].copy_from_slice(&self.meta_len.to_le_bytes());
        out
    }

    pub(crate) fn from_bytes(bytes: [u8; HEADER_LEN]) -> Self {
        let [l0, l1, l2, l3, kind, flags, r0, r1, c0, c1, c2, c3, c4, c5, c6, c7, m0, m1, m2, m3] = bytes;
        Self {
            len: u32::from_le_bytes([l0, l1, l2, l3]),
            kind,
            flags,
            reserved: u16::from_le_bytes([r0, r1]),
            call: u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            meta_len: u32::from_le_bytes([m0, m1, m2, m3]),
        }
    }

    pub(crate) fn check(self, limits: &LinkLimits) -> Result<Header, HeaderError> {
        let Self { len, kind, flags, reserved, call, meta_len } = self;
        let payload_len = len
            .checked_sub(COUNTED)
            .and_then(|rest| rest.checked_sub(meta_len))
            .ok_or(HeaderError::TooShort { len, meta_len })?;
        let kind = Kind::from_number(kind).ok_or(HeaderError::UnknownKind { number: kind })?;
        if flags != 0 || reserved != 0 {
            return Err(HeaderError::FlagsSet { flags, reserved });
        }
        let call = CallId(call);
        if (kind.scope() == Scope::Connection) != (call == CallId::CONNECTION) {
            return Err(HeaderError::WrongScope { kind, call });
        }
        if payload_len > 0 && !kind.has_payload() {
            return Err(HeaderError::PayloadNotAllowed { kind, payload_len });
        }
        let bound = limits.skip_limit();
        if u64::from(payload_len) > bound {
            return Err(HeaderError::Unskippable { payload_len, bound });
        }
        match usize::try_from(meta_len) {
            Ok(len) if len <= MAX_META => Ok(Header { kind, call, meta_len: len, payload_len }),
            _ => Err(HeaderError::MetaTooLong { meta_len }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_the_header() {
        let header = RawHeader::new(Kind::Data, CallId(0x0102_0304_0506_0708), 3, 5);
        let bytes = [24, 0, 0, 0, 0x40, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 3, 0, 0, 0];
        assert_eq!(header.to_bytes(), bytes);
        assert_eq!(RawHeader::from_bytes(bytes), header);
    }

    #[test]
    fn lengths_no_honest_peer_sends_are_refused() {
        let limits = LinkLimits::default();
        let good = RawHeader::new(Kind::Data, CallId(1), 0, 0);
        good.check(&limits).unwrap();
        let bad = |raw: RawHeader| raw.check(&limits).unwrap_err();
        assert!(matches!(bad(RawHeader { len: 0, ..good }), HeaderError::TooShort { .. }));
        assert!(matches!(bad(RawHeader { len: 15, ..good }), HeaderError::TooShort { .. }));
        assert!(matches!(bad(RawHeader { meta_len: 1, ..good }), HeaderError::TooShort { .. }));
        assert!(matches!(bad(RawHeader { len: u32::MAX, ..good }), HeaderError::Unskippable { .. }));
        let meta_len = u32::try_from(MAX_META).unwrap() + 1;
        assert!(matches!(
            bad(RawHeader { len: COUNTED + meta_len, meta_len, ..good }),
            HeaderError::MetaTooLong { .. }
        ));
    }

    #[test]
    fn fields_without_a_meaning_are_refused() {
        let limits = LinkLimits::default();
        let good = RawHeader::new(Kind::Data, CallId(1), 0, 0);
        let bad = |raw: RawHeader| raw.check(&limits).unwrap_err();
        assert!(matches!(bad(RawHeader { kind: 0xEE, ..good }), HeaderError::UnknownKind { number: 0xEE }));
        assert!(matches!(bad(RawHeader { flags: 1, ..good }), HeaderError::FlagsSet { .. }));
        assert!(matches!(bad(RawHeader { reserved: 1, ..good }), HeaderError::FlagsSet { .. }));
        assert!(matches!(bad(RawHeader { call: 0, ..good }), HeaderError::WrongScope { .. }));
        let ping = RawHeader::new(Kind::Ping, CallId(1), 0, 0);
        assert!(matches!(bad(ping), HeaderError::WrongScope { .. }));
        let log = RawHeader::new(Kind::Log, CallId(1), 0, 1);
        assert!(matches!(bad(log), HeaderError::PayloadNotAllowed { .. }));
    }
}
