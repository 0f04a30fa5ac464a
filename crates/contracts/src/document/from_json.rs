//! JSON text to tree, by `serde_json`'s borrowed raw values, whose addresses inside the text give the positions.
//! It decides what of JSON a document may hold: each key once, no `null`, no deep nesting.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::Faults;
use super::file::MAX_DEPTH;
use super::from_toml::too_deep;
use super::node::{Entry, Node, Table, Value};
use super::place::Place;
use super::source::Source;

pub(super) fn parse(source: &Source, faults: &mut Faults) -> Option<Node> {
    let mut converter = Converter { source, faults };
    match serde_json::from_str::<&RawValue>(source.text()) {
        Ok(root) => converter.value(root, &Place::default(), 1),
        Err(error) => {
            let start = source.offset(error.line(), error.column());
            converter.refuse(&(start..start), &Place::default(), &without_position(&error))
        }
    }
}

/// The message alone: `serde_json` appends where, which a fault says itself.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// The keys and values of an object as they stand in the text, repeated keys included.
struct RawEntries<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'t> Deserialize<'t> for RawEntries<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'t> Visitor<'t> for Entries {
            type Value = RawEntries<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<RawEntries<'t>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(RawEntries(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

struct Converter<'r> {
    source: &'r Source,
    faults: &'r mut Faults,
}

impl Converter<'_> {
    fn value(&mut self, raw: &RawValue, place: &Place, depth: usize) -> Option<Node> {
        let span = self.span(raw);
        if depth > MAX_DEPTH {
            let (message, _) = too_deep();
            return self.refuse(&span, place, &message);
        }
        let value = match raw.get().as_bytes().first()? {
            b'{' => self.table(raw, place, depth)?,
            b'[' => self.array(raw, place, depth)?,
            b'"' => Value::String(self.decoded(raw, place)?),
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'n' => {
                return self.refuse_with(
                    &span,
                    place,
                    "`null` is no value here",
                    "leave the key out instead",
                );
            }
            _ => self.number(raw, place)?,
        };
        Some(Node::new(value, span))
    }

    fn table(&mut self, raw: &RawValue, place: &Place, depth: usize) -> Option<Value> {
        let RawEntries(raw_entries) = self.decoded(raw, place)?;
        let mut seen: HashMap<String, Range<usize>> = HashMap::new();
        let mut entries = Vec::with_capacity(raw_entries.len());
        let mut whole = true;
        for (raw_key, raw_value) in raw_entries {
            let key_span = self.span(raw_key);
            let Some(key) = self.decoded::<String>(raw_key, place) else {
                whole = false;
                continue;
            };
            if let Some(first) = seen.insert(key.clone(), key_span.clone()) {
                let (line, _) = self.source.position(first.start);
                let help = format!("it stands on line {line} already; each key stands once");
                whole = self
                    .refuse_with::<()>(&key_span, place, &format!("duplicate key `{key}`"), &help)
                    .is_some();
                continue;
            }
            match self.value(raw_value, &place.entry(&key), depth + 1) {
                Some(node) => entries.push(Entry { key, key_span, node }),
                None => whole = false,
            }
        }
        whole.then_some(Value::Table(Table { entries }))
    }

    fn array(&mut self, raw: &RawValue, place: &Place, depth: usize) -> Option<Value> {
        let items: Vec<&RawValue> = self.decoded(raw, place)?;
        let nodes: Vec<_> = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| self.value(item, &place.item(index), depth + 1))
            .collect();
        Some(Value::Array(nodes.into_iter().collect::<Option<_>>()?))
    }

    fn number(&mut self, raw: &RawValue, place: &Place) -> Option<Value> {
        let text = raw.get();
        if !text.contains(['.', 'e', 'E']) {
            return match text.parse() {
                Ok(number) => Some(Value::Integer(number)),
                Err(_) => self.refuse(&self.span(raw), place, "an integer that does not fit 64 bits"),
            };
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Some(Value::Float(number)),
            _ => self.refuse(&self.span(raw), place, "not a finite number"),
        }
    }

    /// What the raw text says, or a fault: scanning over a string accepts escapes that decoding it refuses.
    fn decoded<'t, T: Deserialize<'t>>(&mut self, raw: &'t RawValue, place: &Place) -> Option<T> {
        match serde_json::from_str(raw.get()) {
            Ok(decoded) => Some(decoded),
            Err(error) => self.refuse(&self.span(raw), place, &without_position(&error)),
        }
    }

    /// Where a raw value stands, from its address: it borrows from the text.
    fn span(&self, raw: &RawValue) -> Range<usize> {
        let start = raw.get().as_ptr().addr().saturating_sub(self.source.text().as_ptr().addr());
        start..start + raw.get().len()
    }

    fn refuse<T>(&mut self, span: &Range<usize>, place: &Place, message: &str) -> Option<T> {
        self.faults.push(span, place.to_string(), message.to_owned(), None);
        None
    }

    fn refuse_with<T>(&mut self, span: &Range<usize>, place: &Place, message: &str, help: &str) -> Option<T> {
        self.faults.push(span, place.to_string(), message.to_owned(), Some(help.to_owned()));
        None
    }
}
