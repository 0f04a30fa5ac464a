//! The pattern language of `shell.exec`.
//! It finds and runs nothing. What a program does with its arguments is not its business: whoever grants `sh` grants everything.

use std::fmt;
use std::str::FromStr;

use super::{NormalPath, PatternError};

/// A program by bare name (`git`), by absolute path (`/usr/bin/git`), or `*` for any.
///
/// A bare name covers only the bare name, which the host looks up in its own search path; it does not cover `/tmp/git`, and
/// `/usr/bin/git` does not cover `git`. A path is compared as it is written and must be in normal form, because that text is what
/// will be run. A relative path (`./x`, `bin/x`) is covered by nothing, also not by `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramPattern {
    text: String,
}

impl ProgramPattern {
    /// Whether running this program is covered.
    pub fn matches(&self, program: &str) -> bool {
        is_program(program) && (self.text == "*" || self.text == program)
    }
}

/// Whether a text can name a program: a bare name or an absolute path in normal form.
pub(super) fn is_program(text: &str) -> bool {
    if text.contains(|c: char| c == '*' || c.is_control()) {
        return false;
    }
    if text.starts_with('/') {
        text != "/" && NormalPath::parse(text).is_ok_and(|path| path.to_string() == text)
    } else {
        !text.is_empty()
            && text.len() <= 255
            && text != "."
            && text != ".."
            && !text.contains(|c: char| c == '/' || c.is_whitespace())
    }
}

impl FromStr for ProgramPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem, fix| Err(PatternError::new(text, problem, fix));
        if text != "*" && text.contains('*') {
            return error("has a `*` inside", "write one program, or `*` alone for any program");
        }
        if !text.starts_with('/') && text.contains(char::is_whitespace) {
            return error("holds white space", "name the program alone, without arguments");
        }
        if text.contains('/') && !text.starts_with('/') {
            return error("is a relative path", "write a bare name, as in `git`, or an absolute path");
        }
        if text != "*" && !is_program(text) {
            return error(
                "names no program",
                "write a bare name, as in `git`, or an absolute path without `.` and `..`",
            );
        }
        Ok(Self { text: text.to_owned() })
    }
}

impl fmt::Display for ProgramPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}
