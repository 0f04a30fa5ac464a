//! A payload: bytes with a content type, opaque to everything between the caller and the handler.
//! Nothing on the path re-encodes it; JSON is the default because both ends usually speak it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The content type of a payload made from a value.
pub const JSON: &str = "application/json";

/// Bytes with a content type. Cloning is cheap: the bytes are shared.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    bytes: Bytes,
    content_type: Cow<'static, str>,
}

/// A payload could not be made from, or read as, a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The value has no JSON form (a map with keys that are no strings, or a failing `Serialize`).
    #[error("the value has no JSON form")]
    Encode(#[source] serde_json::Error),
    /// The bytes are no JSON of the wanted shape.
    #[error("the payload is no JSON of the wanted shape")]
    Decode(#[source] serde_json::Error),
    /// The payload is something else than JSON.
    #[error("the payload is `{0}`, not JSON")]
    NotJson(String),
}

impl Payload {
    /// Bytes of the given content type.
    pub fn new(bytes: impl Into<Bytes>, content_type: impl Into<Cow<'static, str>>) -> Self {
        Self { bytes: bytes.into(), content_type: content_type.into() }
    }

    /// Bytes that are JSON already; they are not checked.
    pub fn from_json_bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(bytes, JSON)
    }

    /// A value, encoded as JSON.
    ///
    /// # Errors
    /// [`PayloadError::Encode`] when the value has no JSON form.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        serde_json::to_vec(value).map(Self::from_json_bytes).map_err(PayloadError::Encode)
    }

    /// The JSON value `null`: what a handler without a result answers.
    pub fn null() -> Self {
        Self::new(Bytes::from_static(b"null"), JSON)
    }

    /// Reads the bytes as a JSON value.
    ///
    /// # Errors
    /// [`PayloadError::NotJson`] for another content type, [`PayloadError::Decode`] for another shape.
    pub fn to_value<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        if !self.is_json() {
            return Err(PayloadError::NotJson(self.content_type.clone().into_owned()));
        }
        serde_json::from_slice(&self.bytes).map_err(PayloadError::Decode)
    }

    /// Whether the content type is JSON, parameters and `+json` suffixes included.
    pub fn is_json(&self) -> bool {
        let essence = self.content_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(JSON) || essence.to_ascii_lowercase().ends_with("+json")
    }

    /// The content type, for example `application/json`.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, shared with every clone of this payload.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is not one byte.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::null()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A payload may be large or secret: its size is what a log needs.
        write!(f, "Payload({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

/// How a payload looks inside a JSON document: JSON stays JSON, text stays text, the rest is a list of bytes.
#[derive(Serialize, Deserialize)]
struct PayloadDocument<'a> {
    content_type: Cow<'a, str>,
    // A `null` that is there is a payload of JSON `null`, not one that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    json: Option<Box<serde_json::value::RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Vec<u8>>,
}

fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<serde_json::value::RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = self.is_json().then(|| serde_json::from_slice(&self.bytes).ok()).flatten();
        let text =
            if json.is_none() { std::str::from_utf8(&self.bytes).ok().map(str::to_owned) } else { None };
        let bytes = (json.is_none() && text.is_none()).then(|| self.bytes.to_vec());
        PayloadDocument { content_type: Cow::Borrowed(&self.content_type), json, text, bytes }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = PayloadDocument::deserialize(deserializer)?;
        let bytes = match (document.json, document.text, document.bytes) {
            (Some(json), None, None) => json.get().to_owned().into_bytes(),
            (None, Some(text), None) => text.into_bytes(),
            (None, None, Some(bytes)) => bytes,
            _ => {
                return Err(serde::de::Error::custom(
                    "a payload has exactly one of `json`, `text` and `bytes`",
                ));
            }
        };
        Ok(Self::new(bytes, document.content_type.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_payload() {
        let payload = Payload::json(&("x", 7)).unwrap();
        assert_eq!(payload.to_value::<(String, u8)>().unwrap(), ("x".to_owned(), 7));
        assert_eq!(payload.content_type(), JSON);
    }

    #[test]
    fn another_content_type_is_not_read_as_json() {
        let payload = Payload::new("1", "text/plain");
        assert!(matches!(payload.to_value::<u8>(), Err(PayloadError::NotJson(kind)) if kind == "text/plain"));
        assert!(Payload::new("1", "application/problem+json; charset=utf-8").is_json());
    }

    #[test]
    fn every_kind_of_payload_survives_a_document() {
        for payload in [
            Payload::json(&[1, 2]).unwrap(),
            Payload::null(),
            Payload::new("plain", "text/plain"),
            Payload::new(vec![0xff, 0], "application/octet-stream"),
            Payload::from_json_bytes("not json"),
        ] {
            let document = serde_json::to_string(&payload).unwrap();
            assert_eq!(serde_json::from_str::<Payload>(&document).unwrap(), payload, "{document}");
        }
    }

    #[test]
    fn debug_output_never_shows_the_bytes() {
        assert_eq!(format!("{:?}", Payload::new("secret", "text/plain")), "Payload(text/plain, 6 bytes)");
    }
}
