//! JSON text indented for people, with its numbers and the order of its keys as they are.
//! It takes text that is known to be JSON, and reads none.

/// The text with each element on a line of its own. Empty tables and arrays stay on one line.
pub(crate) fn indented(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut opened = false;
    for c in text.chars() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        depth -= usize::from(closes && depth > 0);
        if opened != closes {
            // After an opening mark that is not closed at once, and before a closing mark that closes something.
            new_line(&mut out, depth);
        }
        out.push(c);
        opened = matches!(c, '{' | '[');
        depth += usize::from(opened);
        in_string = c == '"';
        match c {
            ',' => new_line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn order_numbers_and_texts_stay_as_they_are() {
        let text = r#"{"z":1.10,"a":[],"t":"a\"{,:\\", "deep":[{"x":{}},[1e400]]}"#;
        expect![[r#"
            {
              "z": 1.10,
              "a": [],
              "t": "a\"{,:\\",
              "deep": [
                {
                  "x": {}
                },
                [
                  1e400
                ]
              ]
            }"#]]
        .assert_eq(&indented(text));
    }

    #[test]
    fn the_text_means_the_same() {
        for text in ["7", "\"a b\"", "[]", "{}", "[[],[[]]]", "{\"a\":{\"b\":[1,2,{\"c\":null}]}}"] {
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            let shown = indented(text);
            assert_eq!(read(&shown), read(text));
            assert_eq!(shown, serde_json::to_string_pretty(&read(text)).unwrap());
        }
    }
}
