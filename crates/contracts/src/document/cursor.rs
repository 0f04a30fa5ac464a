//! One value of a document under reading: what it is, where it stands, and where its faults are reported.
//! It reads shapes (text, numbers, arrays, tables); what they mean is the closures' business.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use super::fields::Fields;
use super::file::Reading;
use super::node::{Entry, Node, Value};
use super::place::Place;
use super::suggest::nearest;

/// A value being read. Each method that cannot read it reports a fault and gives `None`, so reading goes on elsewhere.
#[derive(Debug)]
pub struct Cursor<'d, 'r> {
    node: &'d Node,
    place: Place,
    reading: &'r mut Reading,
}

impl<'d, 'r> Cursor<'d, 'r> {
    pub(super) fn new(node: &'d Node, place: Place, reading: &'r mut Reading) -> Self {
        Self { node, place, reading }
    }

    /// The value as it stands in the tree.
    pub fn node(&self) -> &'d Node {
        self.node
    }

    /// Reports a fault of this value. Gives `None`, so that a reader can end with it.
    pub fn refuse<T>(&mut self, message: impl Into<String>) -> Option<T> {
        self.report(message.into(), None)
    }

    /// Reports a fault of this value and how to mend it.
    pub fn refuse_with_help<T>(&mut self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.report(message.into(), Some(help.into()))
    }

    /// Reports that the value is of the wrong kind: "expected a string, found an integer".
    pub fn expected<T>(&mut self, what: &str) -> Option<T> {
        let found = self.node.kind();
        self.refuse(format!("expected {what}, found {found}"))
    }

    /// The text of a string.
    pub fn string(&mut self) -> Option<&'d str> {
        match &self.node.value {
            Value::String(text) => Some(text),
            _ => self.expected("a string"),
        }
    }

    /// A whole number that fits `T`.
    pub fn integer<T: TryFrom<i64>>(&mut self) -> Option<T> {
        let Value::Integer(number) = self.node.value else {
            return self.expected("an integer");
        };
        if let Ok(fitting) = T::try_from(number) {
            return Some(fitting);
        }
        let bound = if number < 0 { "less than zero" } else { "too large" };
        self.refuse(format!("{number} is {bound}"))
    }

    /// A number, with a fraction or without.
    pub fn number(&mut self) -> Option<f64> {
        match self.node.value {
            Value::Float(number) => Some(number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "who writes an integer for a fraction wants the nearest one"
            )]
            Value::Integer(number) => Some(number as f64),
            _ => self.expected("a number"),
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self) -> Option<bool> {
        match self.node.value {
            Value::Bool(flag) => Some(flag),
            _ => self.expected("a boolean"),
        }
    }

    /// A string that `T` can be made of; the fault is what `T` says against it.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self) -> Option<T> {
        match self.string()?.parse() {
            Ok(value) => Some(value),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// A string out of a fixed list of words.
    pub fn one_of<T: Clone>(&mut self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.string()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let help = match nearest(text, words.iter().map(|(word, _)| *word)) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("one of: {}", words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")),
        };
        self.refuse_with_help(format!("unknown value `{text}`"), help)
    }

    /// The elements of an array. An element that `read` refuses is left out; its fault fails the whole reading.
    pub fn items<T>(&mut self, mut read: impl FnMut(&mut Cursor<'d, '_>) -> Option<T>) -> Option<Vec<T>> {
        let Value::Array(items) = &self.node.value else {
            return self.expected("an array");
        };
        let read_item = |(index, node)| read(&mut Cursor::new(node, self.place.item(index), self.reading));
        Some(items.iter().enumerate().filter_map(read_item).collect())
    }

    /// The entries of a table whose keys the document chooses. Left out are those that `read` refuses.
    pub fn entries<T>(
        &mut self,
        mut read: impl FnMut(&'d str, &mut Cursor<'d, '_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Table(table) = &self.node.value else {
            return self.expected("a table");
        };
        let read_entry = |entry: &'d Entry| {
            let place = self.place.entry(&entry.key);
            self.reading.asked.insert(place.shape());
            read(&entry.key, &mut Cursor::new(&entry.node, place, self.reading))
        };
        Some(table.entries.iter().filter_map(read_entry).collect())
    }

    /// A table whose keys `read` names. Every other key is a fault, with a suggestion when one is close.
    pub fn table<T>(&mut self, read: impl FnOnce(&mut Fields<'d, '_>) -> T) -> Option<T> {
        let Value::Table(table) = &self.node.value else {
            return self.expected("a table");
        };
        let mut fields = Fields::new(table, self.node.span(), self.place.clone(), self.reading);
        let value = read(&mut fields);
        fields.finish();
        Some(value)
    }

    fn report<T>(&mut self, message: String, help: Option<String>) -> Option<T> {
        report(self.reading, &self.node.span, &self.place, message, help)
    }
}

pub(super) fn report<T>(
    reading: &mut Reading,
    span: &Range<usize>,
    place: &Place,
    message: String,
    help: Option<String>,
) -> Option<T> {
    reading.faults.push(span, place.to_string(), message, help);
    None
}
