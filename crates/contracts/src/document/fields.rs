//! A table under reading: the reader asks for the keys it knows, and what was never asked for is reported.
//! It keeps no schema beside the questions, so the known keys cannot drift from the ones read.

use std::ops::Range;

use super::cursor::{Cursor, report};
use super::file::Reading;
use super::from_node::FromNode;
use super::node::{Entry, Table};
use super::place::Place;
use super::suggest::nearest;

/// A table being read, key by key.
#[derive(Debug)]
pub struct Fields<'d, 'r> {
    table: &'d Table,
    span: Range<usize>,
    place: Place,
    reading: &'r mut Reading,
    known: Vec<&'static str>,
    aliases: Vec<(&'static str, &'static str)>,
    ignore_rest: bool,
}

impl<'d, 'r> Fields<'d, 'r> {
    pub(super) fn new(table: &'d Table, span: Range<usize>, place: Place, reading: &'r mut Reading) -> Self {
        Self { table, span, place, reading, known: Vec::new(), aliases: Vec::new(), ignore_rest: false }
    }

    /// Lets `alias` stand for `key`, which is asked for afterwards. Both at once is a fault.
    pub fn alias(&mut self, alias: &'static str, key: &'static str) {
        self.aliases.push((alias, key));
    }

    /// A value that may be left out. `None` also when it is there but refused, which is a fault by then.
    pub fn optional<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        self.optional_with(key, T::from_node)
    }

    /// A value that must be there; its absence is a fault.
    pub fn required<T: FromNode>(&mut self, key: &'static str) -> Option<T> {
        self.required_with(key, T::from_node)
    }

    /// As [`optional`](Self::optional), read by a closure.
    pub fn optional_with<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Cursor<'d, '_>) -> Option<T>,
    ) -> Option<T> {
        let entry = self.find(key)?;
        read(&mut Cursor::new(&entry.node, self.place.key(key), self.reading))
    }

    /// As [`required`](Self::required), read by a closure.
    pub fn required_with<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Cursor<'d, '_>) -> Option<T>,
    ) -> Option<T> {
        if self.find(key).is_none() {
            return report(
                self.reading,
                &self.span,
                &self.place.key(key),
                "missing, but required".to_owned(),
                None,
            );
        }
        self.optional_with(key, read)
    }

    /// A table inside this one that may be left out.
    pub fn table<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Fields<'d, '_>) -> T) -> Option<T> {
        self.optional_with(key, |at| at.table(read))
    }

    /// An array inside this one; no elements when it is left out.
    pub fn list<T>(
        &mut self,
        key: &'static str,
        read: impl FnMut(&mut Cursor<'d, '_>) -> Option<T>,
    ) -> Vec<T> {
        self.optional_with(key, |at| at.items(read)).unwrap_or_default()
    }

    /// Whether the table has the key, or an alias of it.
    pub fn has(&self, key: &str) -> bool {
        self.spellings(key).any(|spelling| self.table.get(spelling).is_some())
    }

    /// Reports a fault of a key's value found by looking at several values together; of the table, if the key is left out.
    pub fn fault(&mut self, key: &'static str, message: impl Into<String>, help: Option<String>) {
        let present = self.spellings(key).find_map(|spelling| self.table.get(spelling));
        let span = present.map_or_else(|| self.span.clone(), |entry| entry.node.span());
        let _reported: Option<()> = report(self.reading, &span, &self.place.key(key), message.into(), help);
    }

    /// Says nothing about keys that nobody asked for: for a table whose version says that they cannot be known.
    pub fn ignore_rest(&mut self) {
        self.ignore_rest = true;
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        if self.ignore_rest {
            return;
        }
        for entry in &self.table.entries {
            let key = entry.key.as_str();
            let aliased = self.aliases.iter().any(|(alias, _)| *alias == key);
            if aliased || self.known.contains(&key) {
                continue;
            }
            let help = match nearest(key, self.known.iter().copied()) {
                Some(close) => format!("did you mean `{close}`?"),
                None => format!("known keys: {}", self.known.join(", ")),
            };
            let place = self.place.entry(key);
            let _reported: Option<()> =
                report(self.reading, &entry.key_span, &place, "unknown key".to_owned(), Some(help));
        }
    }

    fn spellings<'k>(&self, key: &'k str) -> impl Iterator<Item = &'k str> + use<'k, '_, 'd, 'r> {
        let aliases = self.aliases.iter().filter(move |(_, of)| *of == key).map(|(alias, _)| *alias);
        std::iter::once(key).chain(aliases)
    }

    /// The entry of a key or of its alias; remembers that it was asked for.
    fn find(&mut self, key: &'static str) -> Option<&'d Entry> {
        if !self.known.contains(&key) {
            self.known.push(key);
            let spellings: Vec<&str> = self.spellings(key).collect();
            for spelling in &spellings {
                self.reading.asked.insert(self.place.entry_shape(spelling));
            }
            self.report_doubled(key, &spellings);
        }
        self.spellings(key).find_map(|spelling| self.table.get(spelling))
    }

    fn report_doubled(&mut self, key: &str, spellings: &[&str]) {
        let present: Vec<&Entry> = spellings.iter().filter_map(|spelling| self.table.get(spelling)).collect();
        for entry in present.iter().skip(1) {
            let message = format!("another name for `{key}`, which is given too");
            let place = self.place.entry(&entry.key);
            let help = Some("keep one of them".to_owned());
            let _reported: Option<()> = report(self.reading, &entry.key_span, &place, message, help);
        }
    }
}
