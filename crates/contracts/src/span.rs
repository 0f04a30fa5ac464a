//! Lengths of time, read from and written as text with a unit: "250ms", "2s", "1m30s", "2h".
//! Only lengths: no instant ever crosses a process boundary.

use std::time::Duration;

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no length of time: {reason}")]
pub struct SpanError {
    /// The refused text.
    pub text: String,
    /// What is wrong and what would be right.
    pub reason: &'static str,
}

/// The longest span accepted: a century, so that adding it to an instant never overflows.
pub const MAX_SPAN: Duration = Duration::from_hours(24 * 365 * 100);

/// Units with their nanoseconds, longest first so that "ms" is not read as "m".
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads a length of time: one or more numbers with a unit each ("1m30s", "1.5s"). A bare number is refused, except `0`.
///
/// # Errors
/// [`SpanError`] says which rule the text breaks.
pub fn parse_span(text: &str) -> Result<Duration, SpanError> {
    let fail = |reason| SpanError { text: text.chars().take(40).collect(), reason };
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(fail("it is empty; write for example 250ms, 2s or 1m30s"));
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        if number.is_empty() {
            return Err(fail("a number must come before each unit; write for example 250ms, 2s or 1m30s"));
        }
        let &(_, nanos) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| fail("each number needs a unit: ns, us, ms, s, m, h or d"))?;
        total = total.saturating_add(
            scale(number, nanos).ok_or_else(|| fail("its number is not one such as 250 or 1.5"))?,
        );
        rest = next.trim_start();
    }
    let capped = u64::try_from(total / 1_000_000_000).ok().filter(|secs| *secs <= MAX_SPAN.as_secs());
    let secs = capped.ok_or_else(|| fail("it is longer than a century"))?;
    // The remainder of a division by 10^9 fits 32 bits.
    Ok(Duration::new(secs, u32::try_from(total % 1_000_000_000).unwrap_or(0)))
}

fn scale(number: &str, nanos: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = u32::try_from(fraction.len()).ok().filter(|n| (1..=9).contains(n))?;
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    Some(
        u128::from(whole) * u128::from(nanos) + u128::from(fraction) * u128::from(nanos) / 10u128.pow(digits),
    )
}

/// Writes a length of time in the largest units that keep it exact: `1m30s`, `250ms`, `0s`.
pub fn format_span(span: Duration) -> String {
    if span.is_zero() {
        return "0s".to_owned();
    }
    let secs = span.as_secs();
    let nanos = span.subsec_nanos();
    let whole = [("d", secs / 86_400), ("h", secs / 3_600 % 24), ("m", secs / 60 % 60), ("s", secs % 60)];
    let part = [("ms", nanos / 1_000_000), ("us", nanos / 1_000 % 1_000), ("ns", nanos % 1_000)];
    let part = part.map(|(name, amount)| (name, u64::from(amount)));
    let parts = whole.iter().chain(&part).filter(|(_, amount)| *amount > 0);
    parts.flat_map(|(name, amount)| [amount.to_string(), (*name).to_owned()]).collect()
}

/// Serde form of a duration as text with a unit.
pub mod as_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the span as text.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format_span(*span))
    }

    /// Reads the span from text.
    ///
    /// # Errors
    /// When the text is no length of time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        super::parse_span(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }

    /// The same for an optional span.
    pub mod option {
        use std::time::Duration;

        use serde::{Deserialize, Deserializer, Serializer};

        /// Writes the span as text, or nothing.
        ///
        /// # Errors
        /// Only those of the serializer.
        pub fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
            match span {
                Some(span) => super::serialize(span, serializer),
                None => serializer.serialize_none(),
            }
        }

        /// Reads the span from text, or nothing.
        ///
        /// # Errors
        /// When the text is no length of time.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            Option::<String>::deserialize(deserializer)?
                .map(|text| super::super::parse_span(&text).map_err(serde::de::Error::custom))
                .transpose()
        }
    }
}

/// Makes a module for serde's `with` that writes durations as whole numbers of a unit.
macro_rules! whole {
    ($name:ident, $read:path, $write:ident, $unit:literal) => {
        pub(crate) mod $name {
            #![doc = concat!("Durations as whole ", $unit, ".")]

            use std::time::Duration;

            use serde::{Deserialize, Deserializer, Serializer};

            pub(crate) fn serialize<S: Serializer>(
                span: &Duration,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(u64::try_from(span.$write()).unwrap_or(u64::MAX))
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Duration, D::Error> {
                u64::deserialize(deserializer).map($read)
            }

            pub(crate) mod option {
                //! The same for an optional duration.

                use std::time::Duration;

                use serde::{Deserialize, Deserializer, Serializer};

                #[expect(clippy::ref_option, reason = "serde's `with` passes the field by reference")]
                pub(crate) fn serialize<S: Serializer>(
                    span: &Option<Duration>,
                    serializer: S,
                ) -> Result<S::Ok, S::Error> {
                    match span {
                        Some(span) => super::serialize(span, serializer),
                        None => serializer.serialize_none(),
                    }
                }

                pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                    deserializer: D,
                ) -> Result<Option<Duration>, D::Error> {
                    Ok(Option::<u64>::deserialize(deserializer)?.map($read))
                }
            }
        }
    };
}

whole!(as_micros, Duration::from_micros, as_micros, "microseconds");
whole!(as_millis, Duration::from_millis, as_millis, "milliseconds");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_read_with_their_units() {
        for (text, millis) in [
            ("250ms", 250),
            ("2s", 2_000),
            ("1.5s", 1_500),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("0", 0),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse_span(text).unwrap(), Duration::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "5", "s", "-1s", "1.s", "1x", "1s5", "1..5s", "99999999999d", "1.0000000001s"] {
            assert!(parse_span(text).is_err(), "{text:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn text_form_is_exact(secs in 0..MAX_SPAN.as_secs(), nanos in 0u32..1_000_000_000) {
            let span = Duration::new(secs, nanos);
            prop_assert_eq!(parse_span(&format_span(span)).unwrap(), span);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _parsed = parse_span(&text);
        }
    }
}
