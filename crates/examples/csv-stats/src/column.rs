//! What is known of a column: it takes one value after the other and keeps a bounded amount.

use schemars::JsonSchema;
use serde::Serialize;

use crate::budget::Budget;
use crate::distinct::{Distinct, DistinctReport, Frequent};
use crate::length::{LengthReport, Lengths};
use crate::moments::Moments;
use crate::range::TextRange;
use crate::value::{ColumnType, TypeCounts, Value};

/// A column so far.
#[derive(Debug)]
pub(crate) struct Column {
    name: String,
    types: TypeCounts,
    distinct: Distinct,
    lengths: Lengths,
    moments: Moments,
    integers: Option<(i64, i64)>,
    floats: Option<(f64, f64)>,
    dates: Option<TextRange>,
    texts: Option<TextRange>,
}

/// What was found out of a column.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ColumnReport {
    /// Its place, from 1.
    pub(crate) number: usize,
    /// Its name in the header, or `column_1` and so on without one.
    pub(crate) name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub(crate) column_type: ColumnType,
    /// How many are of which type.
    pub(crate) types: TypeCounts,
    /// How many different values there are; empty ones are none.
    pub(crate) distinct: DistinctReport,
    /// Of the numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) numbers: Option<NumberReport>,
    /// The first and the last of the dates as texts are ordered: in time, where all are written alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dates: Option<TextRange>,
    /// The first and the last of the texts as they are ordered by their characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) texts: Option<TextRange>,
    /// Lengths of all values that are not empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lengths: Option<LengthReport>,
    /// The most frequent values, among the distinct ones that were counted.
    pub(crate) top: Vec<Frequent>,
}

/// Statistics of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct NumberReport {
    /// The least.
    pub(crate) min: Number,
    /// The greatest.
    pub(crate) max: Number,
    /// On average; none when they are too large to be added up.
    pub(crate) mean: Option<f64>,
    /// Of the sample (divided by n − 1); none with fewer than two.
    pub(crate) std_dev: Option<f64>,
}

/// A number as exact as the column has them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Number {
    /// Of a column of whole numbers.
    Integer(i64),
    /// Of any other.
    Float(f64),
}

impl Column {
    pub(crate) fn new(name: String, budget: Budget) -> Self {
        Self {
            name,
            types: TypeCounts::default(),
            distinct: Distinct::new(budget),
            lengths: Lengths::default(),
            moments: Moments::default(),
            integers: None,
            floats: None,
            dates: None,
            texts: None,
        }
    }

    /// The value of one more row.
    pub(crate) fn add(&mut self, field: &str) {
        let text = field.trim();
        let value = Value::of(text);
        self.types.add(value);
        match value {
            Value::Empty => return,
            #[expect(
                clippy::cast_precision_loss,
                reason = "mean and deviation of whole numbers need no last digit"
            )]
            Value::Integer(number) => {
                self.moments.add(number as f64);
                let (min, max) = self.integers.get_or_insert((number, number));
                (*min, *max) = (number.min(*min), number.max(*max));
            }
            Value::Float(number) => {
                self.moments.add(number);
                let (min, max) = self.floats.get_or_insert((number, number));
                (*min, *max) = (number.min(*min), number.max(*max));
            }
            Value::Boolean => {}
            Value::Date => TextRange::widen(&mut self.dates, text),
            Value::Text => TextRange::widen(&mut self.texts, text),
        }
        self.lengths.add(text);
        self.distinct.add(text);
    }

    /// Its type so far.
    pub(crate) fn column_type(&self) -> ColumnType {
        self.types.column_type()
    }

    /// What is known of it, as column `number` from 1, with the `top` most frequent values.
    pub(crate) fn report(self, number: usize, top: usize) -> ColumnReport {
        ColumnReport {
            number,
            column_type: self.types.column_type(),
            types: self.types,
            distinct: self.distinct.report(),
            numbers: self.numbers(),
            lengths: self.lengths.report(),
            top: self.distinct.top(top),
            name: self.name,
            dates: self.dates,
            texts: self.texts,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "among floats a whole number is one")]
    fn numbers(&self) -> Option<NumberReport> {
        let (min, max) = match (self.integers, self.floats) {
            (None, None) => return None,
            (Some((min, max)), None) => (Number::Integer(min), Number::Integer(max)),
            (None, Some((min, max))) => (Number::Float(min), Number::Float(max)),
            (Some((least, greatest)), Some((min, max))) => {
                (Number::Float(min.min(least as f64)), Number::Float(max.max(greatest as f64)))
            }
        };
        Some(NumberReport { min, max, mean: self.moments.mean(), std_dev: self.moments.deviation() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn report(values: &[&str]) -> Json {
        let mut column = Column::new("x".to_owned(), Budget::for_each_of(1));
        for value in values {
            column.add(value);
        }
        serde_json::to_value(column.report(1, 2)).unwrap()
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let expected = json!({
            "number": 1, "name": "x", "type": "integer",
            "types": { "integer": 3, "float": 0, "boolean": 0, "date": 0, "text": 0, "empty": 2 },
            "distinct": { "count": 2, "more": false },
            "numbers": { "min": -4, "max": 2, "mean": 0.0, "std_dev": 12.0_f64.sqrt() },
            "lengths": { "min": 1, "mean": 4.0 / 3.0, "max": 2 },
            "top": [{ "value": "2", "count": 2 }, { "value": "-4", "count": 1 }],
        });
        assert_eq!(report(&["2", " -4 ", "", "  ", "2"]), expected);
    }

    #[test]
    fn among_floats_whole_numbers_count() {
        let numbers = report(&["1.5", "-3", "7"])["numbers"].clone();
        assert_eq!((&numbers["min"], &numbers["max"]), (&json!(-3.0), &json!(7.0)));
    }

    #[test]
    fn each_sort_of_a_mixed_column_has_its_range() {
        let mixed = report(&["2024-02-01", "2023-12-31", "b", "a", "7", "true"]);
        assert_eq!(mixed["type"], "mixed");
        assert_eq!(mixed["dates"], json!({ "min": "2023-12-31", "max": "2024-02-01" }));
        assert_eq!(mixed["texts"], json!({ "min": "a", "max": "b" }));
        assert_eq!(mixed["numbers"]["std_dev"], Json::Null);
    }

    #[test]
    fn an_empty_column_has_no_statistics() {
        let empty = report(&["", ""]);
        assert_eq!((&empty["type"], &empty["types"]["empty"]), (&json!("empty"), &json!(2)));
        assert!(empty.get("numbers").is_none() && empty.get("lengths").is_none());
    }
}
