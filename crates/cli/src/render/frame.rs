//! A fault of a text with the line it stands on, as a compiler would print it.
//! It is made of faults of manifests, of configurations and of inputs alike.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use plugdock_contracts::document::Faults;
use plugdock_core_runtime::ConfigError;
use serde::Serialize;

use super::paint::{Paint, printable};

/// One fault, with the text it is in when there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Frame {
    /// What is wrong, with the name of the value.
    pub(crate) message: String,
    /// Where: a file and line, a variable, an option.
    pub(crate) origin: String,
    /// What would be right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
    #[serde(skip)]
    pub(crate) source: Option<Source>,
}

/// The text around a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

impl Frame {
    /// A fault without a text.
    pub(crate) fn plain(origin: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), origin: origin.into(), help: None, source: None }
    }

    /// Says what would be right.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The faults of a document.
    pub(crate) fn of_document(faults: &Faults) -> Vec<Self> {
        let source = |span: &Range<usize>| {
            Some(Source {
                name: faults.file().to_owned(),
                text: faults.source_text().to_owned(),
                span: span.clone(),
            })
        };
        let mut frames: Vec<Self> = faults
            .iter()
            .map(|fault| Self {
                message: with_key(&fault.key, &fault.message),
                origin: format!("{}:{}:{}", fault.file, fault.line, fault.column),
                help: fault.help.clone(),
                source: source(&fault.span),
            })
            .collect();
        if faults.len() > frames.len() {
            frames.push(Self::plain(
                faults.file(),
                format!("{} more faults are not listed", faults.len() - frames.len()),
            ));
        }
        frames
    }

    /// The faults of a configuration.
    pub(crate) fn of_config(error: &ConfigError) -> Vec<Self> {
        let text = || Some((error.source_name()?.to_owned(), error.source_text()?.to_owned()));
        let frame = |fault: &plugdock_core_runtime::config::ConfigFault| Self {
            message: with_key(&fault.key, &fault.message),
            origin: fault.origin.to_string(),
            help: fault.help.clone(),
            source: fault
                .span
                .clone()
                .and_then(|span| text().map(|(name, text)| Source { name, text, span })),
        };
        error.faults().iter().map(frame).collect()
    }

    /// A fault of a JSON text at a line and byte column, both from 1, as `serde_json` counts them.
    pub(crate) fn of_json(name: &str, text: &str, error: &serde_json::Error) -> Self {
        let line_start: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = text.floor_char_boundary(line_start + error.column().saturating_sub(1));
        let end = text.ceil_char_boundary((at + 1).min(text.len()));
        let full = error.to_string();
        let message = full.split(" at line ").next().unwrap_or_default();
        Self {
            message: format!("the input is no JSON: {message}"),
            origin: format!("{name}:{}:{}", error.line(), error.column()),
            help: None,
            source: Some(Source { name: name.to_owned(), text: text.to_owned(), span: at..end }),
        }
    }

    /// The fault in lines. `code` stands in brackets behind `error`.
    pub(crate) fn render(&self, code: Option<&str>, paint: Paint) -> String {
        let message = printable(&self.message);
        let message = match &self.source {
            Some(_) => message.into_owned(),
            None if self.origin.is_empty() => message.into_owned(),
            None => format!("{}: {message}", self.origin),
        };
        let mut title = Level::ERROR.primary_title(message);
        if let Some(code) = code {
            title = title.id(code);
        }
        let mut group = Group::with_title(title);
        if let Some(Source { name, text, span }) = &self.source {
            let marked = AnnotationKind::Primary.span(first_line(text, span));
            group = group.element(Snippet::source(text.as_str()).path(name.as_str()).annotation(marked));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(printable(help)));
        }
        let renderer = if paint.0 { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// The part of a span on its first line: a table of fifty lines is not worth fifty marks.
fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let end = text[span.clone()].find('\n').map_or(span.end, |at| span.start + at);
    span.start..end
}

fn with_key(key: &str, message: &str) -> String {
    if key.is_empty() { message.to_owned() } else { format!("{key}: {message}") }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use plugdock_contracts::document::Format;
    use plugdock_contracts::manifest::Manifest;

    use super::*;

    #[test]
    fn a_manifest_fault_shows_its_line_and_what_would_be_right() {
        let text = "manifest_version = 1\nid = \"acme/count\"\nverison = \"0.1.0\"\n";
        let faults = Manifest::parse(text, "plugin.toml", Format::Toml).unwrap_err();
        let frames = Frame::of_document(&faults);
        let shown: Vec<String> =
            frames.iter().map(|frame| frame.render(Some("VALIDATION_ERROR"), Paint(false))).collect();
        expect![[r#"
            error[VALIDATION_ERROR]: version: missing, but required
             --> plugin.toml:1:1
              |
            1 | manifest_version = 1
              | ^

            error[VALIDATION_ERROR]: verison: unknown key
             --> plugin.toml:3:1
              |
            3 | verison = "0.1.0"
              | ^^^^^^^
              |
              = help: did you mean `version`?"#]]
        .assert_eq(&shown.join("\n\n"));
    }

    #[test]
    fn an_input_that_is_no_json_shows_where() {
        let text = "{\"a\": 1,\n \"b\": }";
        let error = serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap_err();
        expect![[r#"
            error: the input is no JSON: expected value
             --> --input:2:7
              |
            2 |  "b": }
              |       ^"#]]
        .assert_eq(&Frame::of_json("--input", text, &error).render(None, Paint(false)));
        let cut = serde_json::from_str::<serde::de::IgnoredAny>("").unwrap_err();
        expect![[r"
            error: the input is no JSON: EOF while parsing a value
             --> --input:1:1
              |
            1 |
              | ^"]]
        .assert_eq(&Frame::of_json("--input", "", &cut).render(None, Paint(false)));
    }

    #[test]
    fn a_fault_without_a_text_names_its_origin() {
        let frame =
            Frame::plain("PLUGDOCK_LOG_LEVEL", "log.level: unknown value `loud`").help("one of: off, error");
        expect![[r"
            error: PLUGDOCK_LOG_LEVEL: log.level: unknown value `loud`
             |
             = help: one of: off, error"]]
        .assert_eq(&frame.render(None, Paint(false)));
    }
}
