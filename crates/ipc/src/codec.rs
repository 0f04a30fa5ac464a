//! The two encodings of a frame's meta part behind one sealed trait; the only file that names bincode.
//! Payloads never pass through here. Why bincode, and the way out: `docs/decisions/wire-format.md`.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limit::MAX_META;

/// How metas are encoded; the worker chooses it in its prelude.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum CodecKind {
    /// bincode 2 with its standard configuration: little-endian, variable-length integers.
    Bincode = 1,
    /// JSON objects, for workers in any language.
    Json = 2,
}

impl CodecKind {
    /// Every codec of this protocol.
    pub const ALL: [Self; 2] = [Self::Bincode, Self::Json];

    /// The number in the prelude.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The codec of a prelude's number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.number() == number)
    }

    /// Appends the encoded value to `out`.
    pub(crate) fn encode<T: Serialize>(self, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        match self {
            Self::Bincode => Bincode.encode(value, out),
            Self::Json => Json.encode(value, out),
        }
    }

    /// Decodes a value that must fill `bytes` exactly.
    pub(crate) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        match self {
            Self::Bincode => Bincode.decode(bytes),
            Self::Json => Json.decode(bytes),
        }
    }
}

impl std::fmt::Display for CodecKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bincode => "bincode",
            Self::Json => "json",
        })
    }
}

/// A meta that could not be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The value has no encoding.
    #[error("cannot encode as {codec}: {detail}")]
    Encode {
        /// Which encoding.
        codec: CodecKind,
        /// What it said.
        detail: String,
    },
    /// The bytes are not the value that was expected.
    #[error("cannot decode as {codec}: {detail}")]
    Decode {
        /// Which encoding.
        codec: CodecKind,
        /// What it said.
        detail: String,
    },
    /// Bytes were left over: the peer means something else by this frame.
    #[error("{n_bytes} bytes left over after decoding as {codec}")]
    Trailing {
        /// Which encoding.
        codec: CodecKind,
        /// How many.
        n_bytes: usize,
    },
}

mod sealed {
    pub(crate) trait Sealed {}
}

/// An encoding of metas. Sealed: what is on the wire is decided here, golden bytes hold it.
pub(crate) trait Codec: sealed::Sealed {
    /// Appends the encoded value to `out`; whether it fits a frame is the writer's check, since bincode's limit
    /// holds on decode only.
    fn encode<T: Serialize>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError>;

    /// Decodes a value that must fill `bytes` exactly.
    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, CodecError>;
}

struct Bincode;
struct Json;

impl sealed::Sealed for Bincode {}
impl sealed::Sealed for Json {}

/// What bincode may read for one meta. It counts an integer by its type, not by its bytes on the wire (eight for a
/// length that takes one), so that a limit of [`MAX_META`] would refuse metas that fit; what it is there for is a length
/// that announces more than could ever have come.
const DECODE_LIMIT: usize = 16 * MAX_META;

/// The one configuration: changing it changes protocol 1, and the golden bytes fail.
fn bincode_config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<DECODE_LIMIT>()
}

impl Codec for Bincode {
    fn encode<T: Serialize>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        bincode::serde::encode_into_std_write(value, out, bincode_config())
            .map(|_n_written| ())
            .map_err(|err| CodecError::Encode { codec: CodecKind::Bincode, detail: err.to_string() })
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, CodecError> {
        let (value, n_used) = bincode::serde::decode_from_slice(bytes, bincode_config())
            .map_err(|err| CodecError::Decode { codec: CodecKind::Bincode, detail: err.to_string() })?;
        // bincode does not mind bytes after the value; here they mean that the two ends disagree.
        match bytes.len() - n_used {
            0 => Ok(value),
            n_bytes => Err(CodecError::Trailing { codec: CodecKind::Bincode, n_bytes }),
        }
    }
}

impl Codec for Json {
    fn encode<T: Serialize>(&self, value: &T, out: &mut Vec<u8>) -> Result<(), CodecError> {
        serde_json::to_writer(out, value)
            .map_err(|err| CodecError::Encode { codec: CodecKind::Json, detail: err.to_string() })
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, CodecError> {
        // serde_json refuses trailing characters and stops at 128 levels by itself.
        serde_json::from_slice(bytes)
            .map_err(|err| CodecError::Decode { codec: CodecKind::Json, detail: err.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    fn bytes_of<T: Serialize>(codec: CodecKind, value: &T) -> Vec<u8> {
        let mut out = Vec::new();
        codec.encode(value, &mut out).unwrap();
        out
    }

    #[test]
    fn bincode_cannot_decode_a_json_value() {
        let bytes = bytes_of(CodecKind::Bincode, &serde_json::json!({ "a": 1 }));
        let err = CodecKind::Bincode.decode::<serde_json::Value>(&bytes).unwrap_err();
        assert!(matches!(err, CodecError::Decode { .. }), "{err}");
    }

    #[test]
    fn trailing_bytes_are_an_error_in_both_codecs() {
        for codec in CodecKind::ALL {
            let mut bytes = bytes_of(codec, &7_u32);
            bytes.push(b'1');
            bytes.push(b'}');
            assert!(codec.decode::<u32>(&bytes).is_err(), "{codec}");
        }
        assert_eq!(
            CodecKind::Bincode.decode::<u8>(&[1, 2, 3]).unwrap_err(),
            CodecError::Trailing { codec: CodecKind::Bincode, n_bytes: 2 }
        );
    }

    #[test]
    fn bincode_limit_holds_on_decode_only() {
        let long = "x".repeat(DECODE_LIMIT + 1);
        let bytes = bytes_of(CodecKind::Bincode, &long);
        assert!(bytes.len() > DECODE_LIMIT, "encoding past the limit is not refused by the codec");
        assert!(CodecKind::Bincode.decode::<String>(&bytes).is_err());
    }

    #[test]
    fn a_length_from_the_peer_is_refused_before_allocating() {
        // 0xFD announces a 64-bit length: 2^60 elements of a vector, in nine bytes.
        let mut bytes = vec![0xFD];
        bytes.extend_from_slice(&(1_u64 << 60).to_le_bytes());
        assert!(CodecKind::Bincode.decode::<Vec<u64>>(&bytes).is_err());
        assert!(CodecKind::Bincode.decode::<String>(&bytes).is_err());
    }

    #[test]
    fn a_meta_of_many_short_strings_is_not_refused() {
        let many = vec![String::from("x"); MAX_META / 2 - 8];
        let bytes = bytes_of(CodecKind::Bincode, &many);
        assert!(bytes.len() <= MAX_META);
        assert_eq!(CodecKind::Bincode.decode::<Vec<String>>(&bytes).unwrap().len(), many.len());
    }

    #[derive(Serialize)]
    enum Old {
        A,
        B,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Inserted {
        A,
        New,
        B,
    }

    #[test]
    fn an_inserted_variant_shifts_meaning_silently() {
        // This is the trap that the golden bytes guard against: no error, another meaning.
        assert_eq!(
            CodecKind::Bincode.decode::<Inserted>(&bytes_of(CodecKind::Bincode, &Old::A)).unwrap(),
            Inserted::A
        );
        assert_eq!(
            CodecKind::Bincode.decode::<Inserted>(&bytes_of(CodecKind::Bincode, &Old::B)).unwrap(),
            Inserted::New
        );
        assert_eq!(
            CodecKind::Json.decode::<Inserted>(&bytes_of(CodecKind::Json, &Old::B)).unwrap(),
            Inserted::B
        );
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Skips {
        #[serde(skip_serializing_if = "Option::is_none")]
        first: Option<u8>,
        second: u8,
    }

    #[test]
    fn bincode_misreads_a_skipped_field() {
        let bytes = bytes_of(CodecKind::Bincode, &Skips { first: None, second: 1 });
        assert!(CodecKind::Bincode.decode::<Skips>(&bytes).is_err());
    }

    #[test]
    fn codec_numbers_round_trip() {
        for codec in CodecKind::ALL {
            assert_eq!(CodecKind::from_number(codec.number()), Some(codec));
        }
        assert_eq!(CodecKind::from_number(0), None);
        assert_eq!(CodecKind::from_number(3), None);
    }
}
