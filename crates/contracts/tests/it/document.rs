//! Reading documents: positions, collected faults, and texts that are hostile or broken.
//! What the manifest makes of a document is tested beside it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use plugdock_contracts::ByteSize;
use plugdock_contracts::document::{
    Document, Entry, Faults, Fields, Format, MAX_DEPTH, MAX_DOCUMENT_BYTES, Value,
};
use proptest::prelude::*;

#[derive(Debug, PartialEq)]
struct Server {
    name: String,
    port: Option<u16>,
    memory: Option<ByteSize>,
    wait: Option<Duration>,
    share: Option<f64>,
    mode: Option<u8>,
    tags: Vec<String>,
    env: BTreeMap<String, bool>,
}

fn server(fields: &mut Fields<'_, '_>) -> Option<Server> {
    fields.alias("title", "name");
    let name = fields.required("name");
    let port = fields.optional("port");
    let memory = fields.optional("memory");
    let wait = fields.optional("wait");
    let share = fields.optional("share");
    let mode = fields.optional_with("mode", |at| at.one_of(&[("fast", 1), ("safe", 2)]));
    let tags = fields.list("tags", |at| at.string().map(str::to_owned));
    let env = fields.optional("env").unwrap_or_default();
    let _limits: Option<Option<u32>> = fields.table("limits", |limits| limits.required("workers"));
    Some(Server { name: name?, port, memory, wait, share, mode, tags, env })
}

fn read(text: &str, name: &str, format: Format) -> Result<Server, Faults> {
    Document::parse(text, name, format)?.read(server)
}

#[track_caller]
fn check_toml(text: &str, expected: &str) {
    let shown =
        read(text, "s.toml", Format::Toml).map_or_else(|faults| faults.to_string(), |_| "read".to_owned());
    assert_eq!(shown, expected, "\n{text}");
}

#[track_caller]
fn check_json(text: &str, expected: &str) {
    let shown =
        read(text, "s.json", Format::Json).map_or_else(|faults| faults.to_string(), |_| "read".to_owned());
    assert_eq!(shown, expected, "\n{text}");
}

#[test]
fn both_formats_read_the_same() {
    let toml = "name = \"a\"\nport = 0x50\nmemory = \"1MiB\"\nwait = \"2s\"\nshare = 1\nmode = \"safe\"\ntags = [\"x\", 'y']\n[env]\nDEBUG = true\n";
    let json = r#"{"name": "\u0061", "port": 80, "memory": 1048576, "wait": "2000ms", "share": 1.0, "mode": "safe", "tags": ["x", "y"], "env": {"DEBUG": true}}"#;
    let from_toml = read(toml, "s.toml", Format::Toml).unwrap();
    assert_eq!(from_toml, read(json, "s.json", Format::Json).unwrap());
    assert_eq!((from_toml.port, from_toml.share, from_toml.mode), (Some(80), Some(1.0), Some(2)));
}

#[test]
fn every_kind_of_wrong_value_says_what_was_expected() {
    check_toml("name = 1", "s.toml:1: name: expected a string, found an integer");
    check_toml("\nname = { a = 1 }", "s.toml:2: name: expected a string, found a table");
    check_toml("name = \"a\"\nport = \"80\"", "s.toml:2: port: expected an integer, found a string");
    check_toml("name = \"a\"\nport = 70000", "s.toml:2: port: 70000 is too large");
    check_toml("name = \"a\"\nport = -1", "s.toml:2: port: -1 is less than zero");
    check_toml(
        "name = \"a\"\nport = 1.0",
        "s.toml:2: port: expected an integer, found a number with a fraction",
    );
    check_toml("name = \"a\"\nshare = true", "s.toml:2: share: expected a number, found a boolean");
    check_toml(
        "name = \"a\"\nwait = 5",
        "s.toml:2: wait: expected a length of time such as \"30s\", found an integer",
    );
    check_toml(
        "name = \"a\"\nwait = \"5\"",
        "s.toml:2: wait: `5` is no length of time: each number needs a unit: ns, us, ms, s, m, h or d",
    );
    check_toml(
        "name = \"a\"\nmemory = []",
        "s.toml:2: memory: expected a size such as \"128MiB\", found an array",
    );
    check_toml("name = \"a\"\ntags = \"x\"", "s.toml:2: tags: expected an array, found a string");
    check_toml(
        "name = \"a\"\ntags = [\n\"x\",\n2]",
        "s.toml:4: tags[1]: expected a string, found an integer",
    );
    check_toml(
        "name = \"a\"\nenv.\"A B\" = 1",
        "s.toml:2: env.\"A B\": expected a boolean, found an integer",
    );
    check_toml("name = \"a\"\nlimits = 1", "s.toml:2: limits: expected a table, found an integer");
    check_json("[]", "s.json:1: expected a table, found an array");
}

#[test]
fn unknown_keys_and_words_get_a_suggestion_only_when_one_is_close() {
    check_toml("name = \"a\"\nprot = 80", "s.toml:2: prot: unknown key\n  help: did you mean `port`?");
    check_toml(
        "name = \"a\"\nzzz = 80",
        "s.toml:2: zzz: unknown key\n  help: known keys: name, port, memory, wait, share, mode, tags, env, limits",
    );
    check_toml(
        "name = \"a\"\nmode = \"Fast\"",
        "s.toml:2: mode: unknown value `Fast`\n  help: did you mean `fast`?",
    );
    check_toml("name = \"a\"\nmode = \"x\"", "s.toml:2: mode: unknown value `x`\n  help: one of: fast, safe");
    check_toml(
        "name = \"a\"\n[limits]\nworkers = 1\nworker = 2",
        "s.toml:4: limits.worker: unknown key\n  help: did you mean `workers`?",
    );
}

#[test]
fn missing_keys_point_to_the_table_that_lacks_them() {
    check_toml("", "s.toml:1: name: missing, but required");
    check_toml("name = \"a\"\n\n[limits]\n", "s.toml:3: limits.workers: missing, but required");
    check_json("{\"name\": \"a\",\n\"limits\": {}}", "s.json:2: limits.workers: missing, but required");
}

#[test]
fn an_alias_stands_for_its_key_but_not_beside_it() {
    check_toml("title = \"a\"", "read");
    check_toml(
        "title = \"a\"\nname = \"b\"",
        "s.toml:1: title: another name for `name`, which is given too\n  help: keep one of them",
    );
}

#[test]
fn all_faults_are_listed_in_the_order_of_the_text() {
    check_toml(
        "port = \"x\"\nnaem = \"a\"\ntags = [1, \"ok\", 2]\nmemory = \"5 parsecs\"\n",
        "s.toml:1: name: missing, but required\n\
         s.toml:1: port: expected an integer, found a string\n\
         s.toml:2: naem: unknown key\n  help: did you mean `name`?\n\
         s.toml:3: tags[0]: expected a string, found an integer\n\
         s.toml:3: tags[2]: expected a string, found an integer\n\
         s.toml:4: memory: `5 parsecs` is no size: the unit is one of B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB, PiB (powers of 1024)",
    );
}

#[test]
fn syntax_faults_carry_their_line() {
    check_toml(
        "name = \"a\"\nname = \"b\"\n",
        "s.toml:2: duplicate key `name`\n  help: each key stands once; remove one of them",
    );
    check_json(
        "{\"name\": \"a\",\n \"name\": \"b\"}",
        "s.json:2: duplicate key `name`\n  help: it stands on line 1 already; each key stands once",
    );
    check_json("{\"name\": \"a\",\n}", "s.json:2: key must be a string");
    check_json("{\"name\": \"a\"", "s.json:1: EOF while parsing an object");
    check_json("", "s.json:1: EOF while parsing a value");
    check_json("{} x", "s.json:1: trailing characters");
}

#[test]
fn what_a_document_may_not_hold_is_refused() {
    check_toml(
        "name = 1979-05-27",
        "s.toml:1: name: a date is no value here\n  help: write it as text: \"1979-05-27\"",
    );
    check_toml("name = \"a\"\nshare = nan", "s.toml:2: share: not a finite number");
    check_toml("name = \"a\"\nshare = -inf", "s.toml:2: share: not a finite number");
    check_toml(
        "name = \"a\"\nport = 9223372036854775808",
        "s.toml:2: port: an integer that does not fit 64 bits",
    );
    check_json(
        "{\"name\": null}",
        "s.json:1: name: `null` is no value here\n  help: leave the key out instead",
    );
    check_json("{\"port\": 9223372036854775808}", "s.json:1: port: an integer that does not fit 64 bits");
    check_json("{\"share\": 1e999}", "s.json:1: share: not a finite number");
    check_json("{\"name\": \"\\ud800\"}", "s.json:1: name: unexpected end of hex escape");
}

#[test]
fn a_fault_of_each_broken_toml_line_is_reported_at_once() {
    let faults = Document::parse("a = \nb = 1\nc = 'x\n", "s.toml", Format::Toml).unwrap_err();
    let lines: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [1, 3], "{faults}");
}

#[test]
fn deep_nesting_is_a_fault_and_not_a_crash() {
    for depth in [MAX_DEPTH + 1, 100_000] {
        let open_and_closed = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let dotted = format!("{}a = 1", "a.".repeat(depth));
        let header = format!("[{}a]", "a.".repeat(depth));
        let inline = format!("a = {}1{}", "{ a = ".repeat(depth), "}".repeat(depth));
        for (text, format) in [
            (open_and_closed.clone(), Format::Json),
            ("[".repeat(depth), Format::Json),
            (objects, Format::Json),
            (format!("a = {open_and_closed}"), Format::Toml),
            (format!("a = {}", "[".repeat(depth)), Format::Toml),
            (dotted, Format::Toml),
            (header, Format::Toml),
            (inline, Format::Toml),
        ] {
            let faults = Document::parse(&text, "deep", format).expect_err("too deep");
            assert!(!faults.is_empty());
        }
    }
    let faults =
        Document::parse(&format!("a = {}{}", "[".repeat(70), "]".repeat(70)), "d", Format::Toml).unwrap_err();
    assert!(faults.to_string().contains("nested deeper than 64 levels"), "{faults}");
}

#[test]
fn the_deepest_accepted_nesting_is_the_same_in_both_formats() {
    for (depth, accepted) in [(MAX_DEPTH - 2, true), (MAX_DEPTH, false)] {
        let array = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(Document::parse(&format!("a = {array}"), "x", Format::Toml).is_ok(), accepted, "{depth}");
        assert_eq!(
            Document::parse(&format!("{{\"a\": {array}}}"), "x", Format::Json).is_ok(),
            accepted,
            "{depth}"
        );
    }
}

#[test]
fn a_text_too_long_is_refused_unread() {
    let text = " ".repeat(MAX_DOCUMENT_BYTES + 1);
    let faults = Document::parse(&text, "big.toml", Format::Toml).unwrap_err();
    assert_eq!(faults.to_string(), "big.toml:1: 1048577 bytes long; at most 1048576 are read");
}

#[test]
fn more_than_a_hundred_faults_are_counted() {
    let text = (0..130).fold(String::new(), |text, n| text + &format!("zz{n:03} = 1\n"));
    let faults = read(&format!("name = \"a\"\n{text}"), "s.toml", Format::Toml).unwrap_err();
    assert_eq!((faults.len(), faults.iter().count()), (130, 100));
    assert!(faults.to_string().ends_with("\nand 30 more"));
}

#[test]
fn a_fault_knows_its_column_and_slice_of_the_text() {
    let faults = read("name = \"a\"\nport = \"é\" # x\n", "s.toml", Format::Toml).unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!((fault.line, fault.column), (2, 8));
    assert_eq!(&faults.source_text()[fault.span.clone()], "\"é\"");
    assert_eq!(faults.file(), "s.toml");
}

#[test]
fn entries_keep_the_order_of_the_text() {
    for (text, format) in
        [("z = 1\na = 2\nm = 3", Format::Toml), ("{\"z\": 1, \"a\": 2, \"m\": 3}", Format::Json)]
    {
        let document = Document::parse(text, "x", format).unwrap();
        let Value::Table(table) = document.root().value() else { panic!("{document:?}") };
        assert_eq!(table.entries().iter().map(Entry::key).collect::<Vec<_>>(), ["z", "a", "m"]);
        assert_eq!(document.root().to_json(), r#"{"a":2,"m":3,"z":1}"#);
    }
}

#[test]
fn the_format_follows_the_ending_of_the_name() {
    assert_eq!(Format::of_path(Path::new("/x/plugin.toml")), Ok(Format::Toml));
    assert_eq!(Format::of_path(Path::new("plugin.JSON")), Ok(Format::Json));
    let error = Format::of_path(Path::new("plugin.yaml")).unwrap_err();
    assert_eq!(error.to_string(), "`plugin.yaml` ends in neither `.toml` nor `.json`");
}

#[test]
fn a_reader_that_gives_nothing_is_still_an_error_with_words() {
    let document = Document::parse("", "x.toml", Format::Toml).unwrap();
    let faults = document.read(|_| None::<()>).unwrap_err();
    assert_eq!(faults.to_string(), "x.toml:1: refused by its reader, which gave no reason");
}

/// Text made of what documents are made of, so that more of it gets past the first character.
fn document_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("name"),
        Just("port"),
        Just(" = "),
        Just("\n"),
        Just("\""),
        Just("'"),
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(","),
        Just(":"),
        Just("1"),
        Just("-1.5e3"),
        Just("\\u00"),
        Just("é"),
        Just("."),
        Just("null"),
        Just("#"),
        Just("\"\"\""),
        Just("true"),
        Just("1979-05-27"),
        Just("\0"),
        Just("\r\n"),
        Just("\u{feff}"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn spans_slice(text: &str, format: Format) {
    if let Err(faults) = read(text, "any", format) {
        assert!(!faults.is_empty());
        for fault in &faults {
            assert!(faults.source_text().get(fault.span.clone()).is_some(), "{fault:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        spans_slice(&text, Format::Toml);
        spans_slice(&text, Format::Json);
    }

    #[test]
    fn no_document_like_text_panics(text in document_like()) {
        spans_slice(&text, Format::Toml);
        spans_slice(&text, Format::Json);
    }
}
