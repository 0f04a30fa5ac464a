//! The four messages of a stream: data and end from its sender, ack and drop from its receiver.
//! Who may send how much is in `stream`.

use serde::{Deserialize, Serialize};

use super::excess::{Bounded, Excess, text};

/// Bytes of credit.
pub type Credit = u32;

/// The payload is the next chunk; it is never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Data {
    /// Counts the streams of one call and one direction from zero.
    pub stream: u32,
}

/// More credit for the stream's sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ack {
    /// Which stream.
    pub stream: u32,
    /// How much, in bytes.
    pub credit: Credit,
}

/// The stream is over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct End {
    /// Which stream.
    pub stream: u32,
    /// Why it is not complete, when it is not.
    #[serde(default)]
    pub aborted: Option<String>,
}

/// The receiver wants no more of it; what is on the way is thrown away, and the sender answers with an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StopStream {
    /// Which stream.
    pub stream: u32,
}

impl Bounded for End {
    fn check(&self) -> Result<(), Excess> {
        self.aborted.as_deref().map_or(Ok(()), |reason| text("aborted", reason))
    }
}

impl Bounded for Data {}
impl Bounded for Ack {}
impl Bounded for StopStream {}
