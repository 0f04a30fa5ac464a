//! The tree that a document's text is read into, the same for TOML and JSON.
//! It is data only: reading it into typed values is [`Cursor`](super::Cursor)'s and [`Fields`](super::Fields)' work.

use std::ops::Range;

/// A value and where in the text it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub(super) value: Value,
    pub(super) span: Range<usize>,
}

/// What a document can hold. Dates, `null` and numbers that are not finite are refused when the text is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Keys with values.
    Table(Table),
    /// Values in order.
    Array(Vec<Node>),
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A finite number written with a point or an exponent.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
}

/// Keys with values, in the order of the text, each key once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub(super) entries: Vec<Entry>,
}

/// One key of a table with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn new(value: Value, span: Range<usize>) -> Self {
        Self { value, span }
    }

    /// The value itself.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Byte range of the text: the value, or the header or key that opens a TOML table.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The kind of the value with its article, for messages: "a string".
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Table(_) => "a table",
            Value::Array(_) => "an array",
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number with a fraction",
            Value::Bool(_) => "a boolean",
        }
    }

    /// The value as compact JSON with the keys of every table sorted: equal values give equal text, whatever the format.
    pub fn to_json(&self) -> String {
        self.json_value().to_string()
    }

    fn json_value(&self) -> serde_json::Value {
        match &self.value {
            Value::Table(table) => {
                let mut entries: Vec<_> = table.entries.iter().collect();
                entries.sort_by(|a, b| a.key.cmp(&b.key));
                entries.into_iter().map(|entry| (entry.key.clone(), entry.node.json_value())).collect()
            }
            Value::Array(items) => items.iter().map(Self::json_value).collect(),
            Value::String(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Bool(flag) => (*flag).into(),
        }
    }
}

impl Table {
    /// The entries in the order of the text.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Entry {
    /// The key, unquoted.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Byte range of the key in the text.
    pub fn key_span(&self) -> Range<usize> {
        self.key_span.clone()
    }

    /// The value.
    pub fn node(&self) -> &Node {
        &self.node
    }
}
