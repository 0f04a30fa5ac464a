//! Makes bytes that a plugin controls safe to show in a terminal or a log.
//! It keeps the text and removes the power: no escape sequence and no control character gets through.

use std::fmt::Write as _;

/// Text without terminal sequences, with other control characters written out as `\u{..}`.
///
/// Bytes that are no UTF-8 become replacement characters. Tabs stay. Characters that turn or hide text (bidirectional
/// controls, line and paragraph separators) are written out too.
pub fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut rest),
            // The one-character forms of "escape [" and "escape ]".
            '\u{9b}' => skip_control(&mut rest),
            '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            '\t' => shown.push('\t'),
            letter if letter.is_control() || reorders(letter) => {
                write!(shown, "\\u{{{:x}}}", u32::from(letter)).expect("writing to a String cannot fail");
            }
            letter => shown.push(letter),
        }
    }
    shown
}

const fn reorders(letter: char) -> bool {
    matches!(letter,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

type Letters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What follows an escape character.
fn skip_sequence(rest: &mut Letters<'_>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        // Two-character forms and those with one intermediate, as `ESC ( B`.
        Some(' '..='/') => {
            while rest.next_if(|letter| matches!(letter, ' '..='/')).is_some() {}
            rest.next_if(|letter| matches!(letter, '0'..='~'));
        }
        Some('0'..='~') => {
            rest.next();
        }
        _ => {}
    }
}

/// Parameters and the final letter of a control sequence.
fn skip_control(rest: &mut Letters<'_>) {
    while rest.next_if(|letter| matches!(letter, ' '..='?')).is_some() {}
    rest.next_if(|letter| matches!(letter, '@'..='~'));
}

/// A string command up to its end mark. Without a mark it takes the rest of the line, as a terminal would.
fn skip_string(rest: &mut Letters<'_>) {
    while let Some(letter) = rest.next() {
        match letter {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if rest.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_and_text_stays() {
        let rows: [(&str, &str); 10] = [
            ("plain täxt\tok", "plain täxt\tok"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("a\u{1b}(Bb\u{1b}7c", "abc"),
            ("\u{9b}2Jx", "x"),
            ("bell\u{7} back\u{8} cr\r", "bell\\u{7} back\\u{8} cr\\u{d}"),
            ("right\u{202e}left", "right\\u{202e}left"),
            ("end\u{1b}", "end"),
            ("\u{1b}]never ends", ""),
        ];
        for (input, expected) in rows {
            assert_eq!(printable(input.as_bytes()), expected, "{input:?}");
        }
        assert_eq!(printable(b"\xff\xfe"), "\u{fffd}\u{fffd}");
    }

    proptest::proptest! {
        #[test]
        fn nothing_but_text_and_tabs_gets_through(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let shown = printable(&bytes);
            proptest::prop_assert!(shown.chars().all(|c| c == '\t' || !c.is_control() && !reorders(c)), "{:?}", shown);
        }
    }
}
