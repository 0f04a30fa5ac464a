//! Colours, where they are wanted, and texts of others made harmless.
//! It decides nothing about terminals; it is told.

use std::borrow::Cow;

/// Colours or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    pub(crate) fn error(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    pub(crate) fn warning(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The text with control characters escaped, line ends and tabs kept: a plugin's text must not drive the terminal.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().flat_map(|c| {
        let plain = harmless(c).then_some(c);
        let hidden = (!harmless(c)).then(|| c.escape_default());
        plain.into_iter().chain(hidden.into_iter().flatten())
    });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_cannot_drive_the_terminal() {
        assert_eq!(printable("a\tb\nc é"), "a\tb\nc é");
        assert_eq!(printable("\x1b[2Jx\r"), "\\u{1b}[2Jx\\r");
    }

    #[test]
    fn without_colours_there_are_no_escapes() {
        assert_eq!(Paint(false).error("x"), "x");
        assert_eq!(Paint(true).error("x"), "\x1b[1;31mx\x1b[0m");
    }
}
