//! The configuration file: found where it was asked for, read whole, and read row by row.
//! It never looks into the current folder: a folder that somebody else filled must not choose what the host starts.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use plugdock_contracts::PluginId;
use plugdock_contracts::document::{Cursor, Document, Faults, Fields, Format, MAX_DOCUMENT_BYTES};
use serde_json::Value as Json;

use super::fault::{self, ConfigFault};
use super::field::Field;
use super::layer::{Given, Layer};
use super::provenance::Provenance;
use super::table::FIELDS;

/// Reads a file. A file that cannot be opened is a fault of whoever asked for it.
pub(super) fn read(path: &Path, asked_by: &Provenance) -> Layer {
    let refuse = |message: String, help: Option<&str>| {
        let help = help.map(str::to_owned);
        let fault = ConfigFault { origin: asked_by.clone(), span: None, key: String::new(), message, help };
        Layer { faults: vec![fault], ..Layer::default() }
    };
    let format = match Format::of_path(path) {
        Ok(format) => format,
        Err(error) => {
            return refuse(
                error.to_string(),
                Some("a configuration file is plugdock.toml or plugdock.json, or ends so"),
            );
        }
    };
    match text_of(path) {
        Ok(text) => parse(path, &text, format),
        Err(error) => {
            refuse(format!("failed to read configuration file `{}`: {error}", path.display()), None)
        }
    }
}

fn text_of(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One byte more than a document may have, so that the document itself refuses what is longer.
    File::open(path)?.take(MAX_DOCUMENT_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads a text. Relative paths in it are taken from the file's folder.
pub(super) fn parse(path: &Path, text: &str, format: Format) -> Layer {
    let name = path.display().to_string();
    let mut layer = Layer { source: Some((name.clone(), text.to_owned())), ..Layer::default() };
    let read = Document::parse(text, &name, format).and_then(|document| {
        document.read(|fields| {
            let mut reader =
                Reader { path, text, base: path.parent().unwrap_or(Path::new("")), layer: &mut layer };
            reader.section(fields, "");
            fields.optional_with("plugins", |at| reader.plugins(at));
            Some(())
        })
    });
    if let Err(faults) = read {
        layer.faults = fault::of_document(&faults as &Faults);
    }
    layer
}

/// Puts what is read from one file into a layer.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    base: &'a Path,
    layer: &'a mut Layer,
}

impl Reader<'_> {
    /// Reads the rows whose keys begin with `prefix`, and the sections inside it.
    fn section(&mut self, fields: &mut Fields<'_, '_>, prefix: &'static str) {
        let mut last = "";
        for field in FIELDS {
            let Some(rest) = below(field.key, prefix) else { continue };
            match rest.split_once('.') {
                None => self.row(fields, field, rest),
                Some((section, _)) if section == last => {}
                Some((section, _)) => {
                    last = section;
                    let end = field.key.len() - rest.len() + section.len();
                    fields.table(section, |inner| self.section(inner, &field.key[..end]));
                }
            }
        }
    }

    fn row(&mut self, fields: &mut Fields<'_, '_>, field: &'static Field, leaf: &'static str) {
        let given = fields.optional_with(leaf, |at| {
            let span = at.node().span();
            let value = field.kind.read(at)?.resolved(self.base);
            Some(Given { value, origin: self.origin(span.start), span: Some(span) })
        });
        self.layer.values.extend(given.map(|given| (field, given)));
    }

    fn plugins(&mut self, at: &mut Cursor<'_, '_>) -> Option<Vec<()>> {
        at.entries(|name, at| {
            let id = match PluginId::new(name) {
                Ok(id) => id,
                Err(error) => {
                    return at.refuse_with_help(error.to_string(), "for example [plugins.\"acme/count\"]");
                }
            };
            if !matches!(at.node().value(), plugdock_contracts::document::Value::Table(_)) {
                return at.expected("a table");
            }
            let origin = self.origin(at.node().span().start);
            let json: Json = serde_json::from_str(&at.node().to_json()).expect("a node writes JSON");
            self.layer.plugins.push((id, json, origin));
            Some(())
        })
    }

    fn origin(&self, offset: usize) -> Provenance {
        let line = self.text[..offset].bytes().filter(|byte| *byte == b'\n').count() + 1;
        Provenance::File { path: self.path.to_owned(), line }
    }
}

/// What remains of a key below a prefix.
fn below(key: &'static str, prefix: &str) -> Option<&'static str> {
    if prefix.is_empty() { Some(key) } else { key.strip_prefix(prefix)?.strip_prefix('.') }
}
