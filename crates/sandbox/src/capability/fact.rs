//! A fact about the machine that may be unknown.
//! The reason for not knowing is for people; nothing branches on it.

use serde::{Deserialize, Serialize};

/// Something read from the machine, or why it could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It was read.
    Known(T),
    /// It could not be read; the text says why.
    Unknown(String),
}

impl<T> Fact<T> {
    /// The value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why it is unknown; empty where it is known.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Known(_) => String::new(),
            Self::Unknown(reason) => reason.clone(),
        }
    }

    pub(crate) fn from_result<E: std::fmt::Display>(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}
