//! The input of an execution as the command line gives it: JSON, `@file`, or `-` for standard input.
//! JSON is checked here, so that a misplaced comma is shown with its place; its shape is the handler's to judge.

use std::io::{self, Read};
use std::path::Path;

use plugdock_contracts::Payload;

use crate::failure::Failure;
use crate::render::Frame;

/// Reads what `--input` names; `null` when it is not given.
pub(crate) fn payload(input: Option<&str>, stdin: impl Read) -> Result<Payload, Failure> {
    let (name, bytes) = match input {
        None => return Ok(Payload::null()),
        Some("-") => ("standard input".to_owned(), read("standard input", stdin)?),
        Some(text) => match text.strip_prefix('@') {
            Some(path) => (path.to_owned(), file(path)?),
            None => ("--input".to_owned(), text.as_bytes().to_vec()),
        },
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let message =
                format!("the input is no JSON: it is no text (UTF-8) from byte {}", error.valid_up_to());
            return Err(Failure::invalid(Frame::plain(name, message)));
        }
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_json) => Ok(Payload::from_json_bytes(text.trim().as_bytes().to_vec())),
        Err(error) => Err(Failure::invalid(hint(Frame::of_json(&name, text, &error), text))),
    }
}

/// The two usual slips: a bare word that was meant as text, and quotes that the shell took away.
fn hint(frame: Frame, text: &str) -> Frame {
    let bare = text.trim();
    if bare.is_empty() {
        frame.help("leave --input out for no input")
    } else if Path::new(bare).is_file() {
        frame.help(format!("to read the file, write --input @{bare}"))
    } else if bare.starts_with('{') && !bare.contains('"') {
        frame.help("the shell takes quotes away: put the whole input in '…'")
    } else if bare.chars().all(|c| c.is_alphanumeric() || "-_. /".contains(c)) {
        frame.help(format!("for a text, write --input '\"{bare}\"'"))
    } else {
        frame
    }
}

fn file(path: &str) -> Result<Vec<u8>, Failure> {
    match std::fs::File::open(path) {
        Ok(file) => read(path, file),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn read(name: &str, mut source: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match source.read_to_end(&mut bytes) {
        Ok(_length) => Ok(bytes),
        Err(error) => Err(unreadable(name, &error)),
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("failed to read the input from `{name}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Paint;

    fn refused(input: &str) -> String {
        payload(Some(input), io::empty()).unwrap_err().render(Paint(false)).unwrap()
    }

    #[test]
    fn the_input_may_come_from_three_places() {
        assert_eq!(payload(None, io::empty()).unwrap(), Payload::null());
        assert_eq!(payload(Some(" {\"a\": 1} "), io::empty()).unwrap().as_bytes(), b"{\"a\": 1}");
        assert_eq!(payload(Some("-"), &b"[1]\n"[..]).unwrap().as_bytes(), b"[1]");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "7").unwrap();
        let named = format!("@{}", file.path().display());
        assert_eq!(payload(Some(&named), io::empty()).unwrap().as_bytes(), b"7");
    }

    #[test]
    fn slips_get_the_help_that_fits() {
        assert!(refused("{path: a}").contains("put the whole input in '…'"));
        assert!(refused("hello").contains("--input '\"hello\"'"));
        assert!(refused("").contains("leave --input out"));
        assert!(refused("@/no/such").contains("failed to read the input from `/no/such`"));
        let invalid = payload(Some("-"), &b"\"\xff\""[..]).unwrap_err();
        assert_eq!(invalid.exit_code(), 65);
    }
}
