//! The path of a value inside a document, as it is shown in messages.
//! It holds no position in the text; spans do that.

use std::fmt;

/// One step from a value to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A key the reader asked for by name.
    Key(&'static str),
    /// A key of an open table, where the document chooses the names.
    Entry(String),
    /// An element of an array.
    Item(usize),
}

/// Where a value stands: `http.routes[0].path`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place(Vec<Step>);

impl Place {
    pub(super) fn key(&self, key: &'static str) -> Self {
        self.then(Step::Key(key))
    }

    pub(super) fn entry(&self, key: &str) -> Self {
        self.then(Step::Entry(key.to_owned()))
    }

    pub(super) fn item(&self, index: usize) -> Self {
        self.then(Step::Item(index))
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The [`shape`](Self::shape) of a key of the table here.
    pub(super) fn entry_shape(&self, key: &str) -> String {
        let shape = self.shape();
        if shape.is_empty() { key.to_owned() } else { format!("{shape}.{key}") }
    }

    /// The path with names and numbers that the document chose left open: `http.routes[].path`, `permissions.*.scope`.
    pub(super) fn shape(&self) -> String {
        self.render(|step| match step {
            Step::Key(key) => (*key).to_owned(),
            Step::Entry(_) => "*".to_owned(),
            Step::Item(_) => "[]".to_owned(),
        })
    }

    fn render(&self, mut show: impl FnMut(&Step) -> String) -> String {
        let mut text = String::new();
        for step in &self.0 {
            if !text.is_empty() && !matches!(step, Step::Item(_)) {
                text.push('.');
            }
            text.push_str(&show(step));
        }
        text
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(|step| match step {
            Step::Key(key) => quoted(key),
            Step::Entry(key) => quoted(key),
            Step::Item(index) => format!("[{index}]"),
        }))
    }
}

/// The key as TOML would have it written: bare when it can be, else quoted.
fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { key.to_owned() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_the_document() {
        let scope = Place::default().key("permissions").entry("net.http").key("scope").item(0);
        assert_eq!(scope.to_string(), "permissions.\"net.http\".scope[0]");
        assert_eq!(scope.shape(), "permissions.*.scope[]");
        assert_eq!(Place::default().to_string(), "");
        assert_eq!(Place::default().item(2).key("x").to_string(), "[2].x");
    }
}
