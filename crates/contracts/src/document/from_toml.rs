//! TOML text to tree, by the `toml` crate's spanned tables.
//! It decides what of TOML a document may hold: no dates, no infinities, no deep nesting.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue};

use super::fault::Faults;
use super::file::MAX_DEPTH;
use super::node::{Entry, Node, Table, Value};
use super::place::Place;
use super::source::Source;

pub(super) fn parse(source: &Source, faults: &mut Faults) -> Option<Node> {
    let (root, errors) = DeTable::parse_recoverable(source.text());
    if errors.is_empty() {
        let span = root.span();
        return Converter { faults }.table(root.get_ref(), span, &Place::default(), 1);
    }
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let (message, help) = syntax_message(&error, source.text().get(span.clone()).unwrap_or_default());
        faults.push(&span, String::new(), message, help);
    }
    None
}

fn syntax_message(error: &toml::de::Error, text: &str) -> (String, Option<String>) {
    match error.message() {
        "duplicate key" => {
            (format!("duplicate key `{text}`"), Some("each key stands once; remove one of them".to_owned()))
        }
        message if message.contains("recurs") => too_deep(),
        message => (message.to_owned(), None),
    }
}

pub(super) fn too_deep() -> (String, Option<String>) {
    (format!("nested deeper than {MAX_DEPTH} levels"), None)
}

struct Converter<'r> {
    faults: &'r mut Faults,
}

impl Converter<'_> {
    fn value(&mut self, value: &Spanned<DeValue<'_>>, place: &Place, depth: usize) -> Option<Node> {
        let span = value.span();
        if depth > MAX_DEPTH {
            return self.refuse(&span, place, too_deep());
        }
        let converted = match value.get_ref() {
            DeValue::Table(table) => return self.table(table, span, place, depth),
            DeValue::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.value(item, &place.item(index), depth + 1))
                    .collect();
                Value::Array(items.into_iter().collect::<Option<_>>()?)
            }
            DeValue::String(text) => Value::String(text.clone().into_owned()),
            DeValue::Integer(number) => self.integer(number, &span, place)?,
            DeValue::Float(number) => self.float(number, &span, place)?,
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(date) => {
                let help = format!("write it as text: \"{date}\"");
                return self.refuse(&span, place, ("a date is no value here".to_owned(), Some(help)));
            }
        };
        Some(Node::new(converted, span))
    }

    fn table(
        &mut self,
        table: &DeTable<'_>,
        span: Range<usize>,
        place: &Place,
        depth: usize,
    ) -> Option<Node> {
        let converted: Vec<_> = table
            .iter()
            .map(|(key, value)| {
                let node = self.value(value, &place.entry(key.get_ref()), depth + 1)?;
                Some(Entry { key: key.get_ref().clone().into_owned(), key_span: key.span(), node })
            })
            .collect();
        let mut entries: Vec<Entry> = converted.into_iter().collect::<Option<_>>()?;
        // The `toml` crate orders keys by name; messages and listings follow the text.
        entries.sort_by_key(|entry| entry.key_span.start);
        Some(Node::new(Value::Table(Table { entries }), span))
    }

    fn integer(&mut self, number: &DeInteger<'_>, span: &Range<usize>, place: &Place) -> Option<Value> {
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Some(Value::Integer(number)),
            Err(_) => self.refuse(span, place, ("an integer that does not fit 64 bits".to_owned(), None)),
        }
    }

    fn float(&mut self, number: &DeFloat<'_>, span: &Range<usize>, place: &Place) -> Option<Value> {
        match number.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Some(Value::Float(number)),
            _ => self.refuse(span, place, ("not a finite number".to_owned(), None)),
        }
    }

    fn refuse<T>(
        &mut self,
        span: &Range<usize>,
        place: &Place,
        (message, help): (String, Option<String>),
    ) -> Option<T> {
        self.faults.push(span, place.to_string(), message, help);
        None
    }
}
