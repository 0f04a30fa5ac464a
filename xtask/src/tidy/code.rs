//! Rust text with comments and literals blanked out, and the words of what is left.
//! A lexer of the few tokens that can hide a word; it does not parse.

/// `text` with every comment, string and character literal replaced by spaces; line breaks stay, so
/// that line numbers hold.
pub(crate) fn code_of(text: &str) -> String {
    let mut lexer = Lexer { rest: text, previous: None, code: String::with_capacity(text.len()) };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.code
}

/// Identifiers and keywords of blanked code with their line, counted from one; raw identifiers keep
/// their `r#`, so that `r#unsafe` is not the keyword.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(index, line)| words_of(line).map(move |word| (index + 1, word)))
}

fn words_of(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.find(is_word)?;
        rest = &rest[start..];
        let prefix = if rest.starts_with("r#") { 2 } else { 0 };
        let end = rest[prefix..].find(|c| !is_word(c)).map_or(rest.len(), |end| prefix + end);
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

struct Lexer<'a> {
    rest: &'a str,
    /// The character before `rest`, to tell a literal's prefix from the end of a word.
    previous: Option<char>,
    code: String,
}

impl Lexer<'_> {
    fn step(&mut self) {
        match self.hidden() {
            Some(length) => self.blank(length),
            None => self.keep(),
        }
    }

    /// Length of the comment or literal that `rest` begins with.
    fn hidden(&self) -> Option<usize> {
        if self.rest.starts_with("//") {
            return Some(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        if self.rest.starts_with("/*") {
            return Some(block_comment(self.rest));
        }
        let inside_word = self.previous.is_some_and(is_word);
        let prefix = if inside_word { 0 } else { literal_prefix(self.rest) };
        let literal = &self.rest[prefix..];
        if self.rest[..prefix].ends_with('r') {
            return raw_string(literal).map(|length| prefix + length);
        }
        match literal.chars().next()? {
            '"' => Some(prefix + quoted(literal, '"')),
            '\'' => character(literal).map(|length| prefix + length),
            _ => None,
        }
    }

    fn blank(&mut self, length: usize) {
        let (hidden, after) = self.rest.split_at(length);
        self.code.extend(hidden.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.previous = Some(' ');
        self.rest = after;
    }

    fn keep(&mut self) {
        let mut characters = self.rest.chars();
        self.previous = characters.next();
        self.code.extend(self.previous);
        self.rest = characters.as_str();
    }
}

/// Length of a literal's prefix (`b`, `c`, `r`, `br`, `cr`), where a quote or a raw quote follows.
fn literal_prefix(text: &str) -> usize {
    let follows = |length: usize| {
        let after = &text[length..];
        let raw = text[..length].ends_with('r');
        after.starts_with('"')
            || (raw && after.trim_start_matches('#').starts_with('"'))
            || (&text[..length] == "b" && after.starts_with('\''))
    };
    ["br", "cr", "b", "c", "r"]
        .into_iter()
        .find(|prefix| text.starts_with(prefix) && follows(prefix.len()))
        .map_or(0, str::len)
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let here = &text[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let n_hashes = text.len() - text.trim_start_matches('#').len();
    let body = text[n_hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(n_hashes));
    Some(body.find(&end).map_or(text.len(), |at| n_hashes + 1 + at + end.len()))
}

/// Length of a literal up to its closing `quote`, escapes skipped.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Length of a character literal; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    let (_, first) = characters.next()?;
    if first == '\\' {
        return Some(quoted(text, '\''));
    }
    characters.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::{code_of, words};

    fn check(text: &str, expected: &[&str]) {
        let code = code_of(text);
        assert_eq!(code.lines().count(), text.lines().count(), "{code}");
        assert_eq!(words(&code).map(|(_, word)| word).collect::<Vec<_>>(), expected, "{code}");
    }

    #[test]
    fn comments_are_blanked() {
        check("a // unsafe\nb", &["a", "b"]);
        check("//! unsafe\n/// unsafe\nb", &["b"]);
        check("a /* x /* unsafe */ unsafe */ b", &["a", "b"]);
        check("a /* never closed unsafe", &["a"]);
        check("a / b", &["a", "b"]);
    }

    #[test]
    fn literals_are_blanked() {
        check(r#"a "unsafe \" unsafe" b"#, &["a", "b"]);
        check(r#"a "unsafe \\" b"#, &["a", "b"]);
        check(r##"a r#"unsafe " unsafe"# b"##, &["a", "b"]);
        check(r##"a br#"unsafe"# cr"unsafe" b"unsafe" c"unsafe" z"##, &["a", "z"]);
        check("a \"two\nlines unsafe\" b", &["a", "b"]);
        check(r#"a '"' b '"' c '\'' d '\u{22}' e b'"' f"#, &["a", "b", "c", "d", "e", "f"]);
        check("a \"// no comment\" b", &["a", "b"]);
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_no_literals() {
        check("fn f<'a>(x: &'a str) -> &'static str", &["fn", "f", "a", "x", "a", "str", "static", "str"]);
        check("r#unsafe unsafe_code unsafe", &["r#unsafe", "unsafe_code", "unsafe"]);
        check(r#"bar"unsafe" var 'x: loop"#, &["bar", "var", "x", "loop"]);
    }

    #[test]
    fn every_short_text_keeps_its_lines_and_length() {
        let alphabet = ['"', '\'', '/', '*', '\\', 'r', '#', 'b', '\n', 'é'];
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            texts = texts.iter().flat_map(|text| alphabet.map(|c| format!("{text}{c}"))).collect();
        }
        for text in texts {
            let code = code_of(&text);
            assert_eq!(code.chars().count(), text.chars().count(), "{text:?}");
            assert_eq!(code.matches('\n').count(), text.matches('\n').count(), "{text:?}");
        }
    }

    #[test]
    fn words_know_their_line() {
        assert_eq!(words("a\n\nb.c").collect::<Vec<_>>(), [(1, "a"), (3, "b"), (3, "c")]);
    }
}
