//! What a field's text is: a number, a boolean, a date, text, or nothing.

use schemars::JsonSchema;
use serde::Serialize;

use crate::timestamp::is_timestamp;

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Empty,
    Integer(i64),
    Float(f64),
    Boolean,
    Date,
    Text,
}

impl Value {
    /// What `text` is; blanks around it must be left out already.
    pub(crate) fn of(text: &str) -> Self {
        let Some(first) = text.bytes().next() else { return Self::Empty };
        // Most text is told from numbers and dates by its first character.
        if first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.') {
            number(text).unwrap_or(if is_timestamp(text) { Self::Date } else { Self::Text })
        } else if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            Self::Boolean
        } else {
            Self::Text
        }
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_code =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_code
        || !digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
    {
        return None;
    }
    if let Ok(integer) = text.parse() {
        return Some(Value::Integer(integer));
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
}

/// What the values of a column are, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ColumnType {
    /// Whole numbers.
    Integer,
    /// Numbers, some of which are not whole.
    Float,
    /// `true` and `false`, in any case.
    Boolean,
    /// Dates of ISO 8601, with or without a time.
    Date,
    /// Text.
    Text,
    /// Nothing in any row.
    Empty,
    /// Some of this and some of that: the counts say how many.
    Mixed,
}

/// How many values were of which type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TypeCounts {
    pub(crate) integer: u64,
    pub(crate) float: u64,
    pub(crate) boolean: u64,
    pub(crate) date: u64,
    pub(crate) text: u64,
    pub(crate) empty: u64,
}

impl TypeCounts {
    /// One more value.
    pub(crate) fn add(&mut self, value: Value) {
        *match value {
            Value::Empty => &mut self.empty,
            Value::Integer(_) => &mut self.integer,
            Value::Float(_) => &mut self.float,
            Value::Boolean => &mut self.boolean,
            Value::Date => &mut self.date,
            Value::Text => &mut self.text,
        } += 1;
    }

    /// The type of the whole; empty fields are of every type.
    pub(crate) fn column_type(&self) -> ColumnType {
        let Self { integer, float, boolean, date, text, empty: _ } = *self;
        match [integer + float > 0, boolean > 0, date > 0, text > 0] {
            [false, false, false, false] => ColumnType::Empty,
            [true, false, false, false] if float == 0 => ColumnType::Integer,
            [true, false, false, false] => ColumnType::Float,
            [false, true, false, false] => ColumnType::Boolean,
            [false, false, true, false] => ColumnType::Date,
            [false, false, false, true] => ColumnType::Text,
            _ => ColumnType::Mixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        let rows = [
            ("", Value::Empty),
            ("0", Value::Integer(0)),
            ("-17", Value::Integer(-17)),
            ("+5", Value::Integer(5)),
            ("9223372036854775807", Value::Integer(i64::MAX)),
            ("9223372036854775808", Value::Float(9_223_372_036_854_775_808.0)),
            ("0.5", Value::Float(0.5)),
            (".5", Value::Float(0.5)),
            ("-1e3", Value::Float(-1000.0)),
            ("00501", Value::Text),
            ("-007", Value::Text),
            ("00.5", Value::Float(0.5)),
            ("1e999", Value::Text),
            ("1,5", Value::Text),
            ("1 000", Value::Text),
            ("nan", Value::Text),
            ("inf", Value::Text),
            ("-inf", Value::Text),
            ("-", Value::Text),
            ("1-2", Value::Text),
            ("0x10", Value::Text),
            ("True", Value::Boolean),
            ("FALSE", Value::Boolean),
            ("yes", Value::Text),
            ("2024-02-29", Value::Date),
            ("2024-02-30", Value::Text),
        ];
        for (text, value) in rows {
            assert_eq!(Value::of(text), value, "{text:?}");
        }
    }

    #[test]
    fn a_column_is_what_all_its_values_are() {
        let rows: [(&[&str], ColumnType); 8] = [
            (&["", ""], ColumnType::Empty),
            (&["1", "", "2"], ColumnType::Integer),
            (&["1", "2.5"], ColumnType::Float),
            (&["true", "False"], ColumnType::Boolean),
            (&["2024-01-01", "2024-01-01T10:00Z"], ColumnType::Date),
            (&["a", "b"], ColumnType::Text),
            (&["1", "a"], ColumnType::Mixed),
            (&["2024-01-01", "true", ""], ColumnType::Mixed),
        ];
        for (texts, column_type) in rows {
            let mut counts = TypeCounts::default();
            for text in texts {
                counts.add(Value::of(text));
            }
            assert_eq!(counts.column_type(), column_type, "{texts:?}");
        }
    }

    proptest! {
        #[test]
        fn every_whole_number_is_read_exactly(number in any::<i64>()) {
            prop_assert_eq!(Value::of(&number.to_string()), Value::Integer(number));
        }

        #[test]
        fn every_number_with_a_point_is_read_exactly(number in -1e15_f64..1e15) {
            prop_assert_eq!(Value::of(&format!("{number:?}")), Value::Float(number));
        }
    }
}
