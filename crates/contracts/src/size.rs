//! Sizes in bytes, read from and written as text with a unit.
//! Decimal units are powers of 1000 ("128MB"), binary ones powers of 1024 ("128MiB"); no unit means bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no size: {reason}")]
pub struct ByteSizeError {
    /// The refused text.
    pub text: String,
    /// What is wrong and what would be right.
    pub reason: &'static str,
}

/// Every accepted unit, lower-case, with its factor.
const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
];

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many times 1024 bytes.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// So many times 1 048 576 bytes.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let fail = |reason| ByteSizeError { text: text.chars().take(40).collect(), reason };
        let trimmed = text.trim();
        let unit_at = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(unit_at);
        let unit = unit.trim_start().to_ascii_lowercase();
        let &(_, factor) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| fail("the unit is one of B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB, PiB (powers of 1024)"))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || (number.contains('.') && fraction.is_empty()) || fraction.contains('.') {
            return Err(fail("it starts with a number such as 128 or 1.5"));
        }
        if fraction.len() > 9 {
            return Err(fail("it has more than nine digits after the point"));
        }
        let too_large = || fail("it is larger than 2^64 - 1 bytes");
        let whole: u128 = whole.parse().map_err(|_overflow| too_large())?;
        // Nine digits fit easily; an empty fraction is zero.
        let numerator: u128 =
            if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_overflow| too_large())? };
        let scaled = numerator * u128::from(factor) / 10u128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        let bytes = whole
            .checked_mul(u128::from(factor))
            .and_then(|w| w.checked_add(scaled))
            .ok_or_else(too_large)?;
        u64::try_from(bytes).map(Self).map_err(|_overflow| too_large())
    }
}

impl fmt::Display for ByteSize {
    /// The shortest exact form: `128MiB`, `1500kB`, `7B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(&str, u64); 8] = [
            ("PiB", 1 << 50),
            ("TiB", 1 << 40),
            ("GiB", 1 << 30),
            ("MiB", 1 << 20),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
            ("KiB", 1 << 10),
            ("kB", 1_000),
        ];
        for (name, factor) in NAMES {
            if self.0 >= factor && self.0.is_multiple_of(factor) {
                return write!(f, "{}{name}", self.0 / factor);
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    /// A number of bytes, or a text with a unit.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = ByteSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes or a size such as \"128MiB\"")
            }

            fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimal_and_binary_units_differ() {
        for (text, bytes) in [
            ("128MB", 128_000_000),
            ("128MiB", 128 << 20),
            ("128mib", 128 << 20),
            ("1.5 GiB", 3 << 29),
            ("0.5kB", 500),
            ("7", 7),
            ("7B", 7),
            ("0", 0),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "MB",
            "-1MB",
            "1.MB",
            ".5MB",
            "1..2MB",
            "1.2.3",
            "12 parsecs",
            "99999999999TiB",
            "1e9",
            "٣MB",
        ] {
            assert!(text.parse::<ByteSize>().is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn text_form_is_exact(bytes: u64) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse::<ByteSize>().unwrap(), ByteSize(bytes));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _parsed = text.parse::<ByteSize>();
        }
    }
}
