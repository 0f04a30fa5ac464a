//! `docs/errors.md` says of every code what the code says of itself, and names no other.
//! The prose beside the numbers is not judged, only that it is there.

use plugdock_contracts::ErrorCode;
use plugdock_contracts::error::{CrashCause, Resource, Step};
use serde::de::DeserializeOwned;

const HEAD: [&str; 7] = ["code", "meaning", "retryable", "fault", "HTTP", "exit", "what to do"];

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    std::fs::read_to_string(path).expect("the document is part of the repository")
}

/// The cells of a table's line.
fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

/// The rows of the table with this head, cell by cell; a document without it has none.
fn rows<'d>(document: &'d str, head: &[&str]) -> Vec<Vec<&'d str>> {
    let lines = document.lines().skip_while(|line| cells(line) != head);
    lines.skip(2).take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// What code knows of a code, as the table writes it.
fn known(code: &ErrorCode) -> [String; 5] {
    let retryable = if code.is_retryable() { "yes" } else { "no" };
    let numbers = [code.http_status().to_string(), code.exit_code().to_string()];
    let [http, exit] = numbers;
    [format!("`{code}`"), retryable.to_owned(), code.fault().to_string(), http, exit]
}

/// Every difference between the table and the code.
fn differences(document: &str) -> Vec<String> {
    let rows = rows(document, &HEAD);
    let mut found = Vec::new();
    for code in ErrorCode::known() {
        let name = format!("`{code}`");
        let n_rows = rows.iter().filter(|row| row[0] == name).count();
        if n_rows != 1 {
            found.push(format!("{code}: {n_rows} rows"));
        }
    }
    for row in &rows {
        let [name, meaning, retryable, fault, http, exit, remedy] = row[..] else {
            found.push(format!("{}: {} cells", row[0], row.len()));
            continue;
        };
        let code = ErrorCode::from(name.trim_matches('`').to_owned());
        if matches!(code, ErrorCode::Unknown(_)) {
            found.push(format!("{name}: no such code"));
            continue;
        }
        let columns = HEAD[..1].iter().chain(&HEAD[2..6]);
        for ((column, said), holds) in columns.zip([name, retryable, fault, http, exit]).zip(known(&code)) {
            if said != holds {
                found.push(format!("{code}: {column} is {holds}, not {said}"));
            }
        }
        if meaning.is_empty() || remedy.is_empty() {
            found.push(format!("{code}: an empty cell"));
        }
    }
    let names: Vec<_> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    if found.is_empty() && !ErrorCode::known().map(String::from).eq(names) {
        found.push("the order is another one".to_owned());
    }
    found
}

#[test]
fn every_code_has_its_row_and_every_row_its_code() {
    assert_eq!(differences(&document()), [""; 0]);
}

/// A document in which everything is right.
fn sound() -> String {
    let mut lines = vec![format!("| {} |", HEAD.join(" | ")), "|---".repeat(HEAD.len())];
    for code in ErrorCode::known() {
        let [name, retryable, fault, http, exit] = known(&code);
        lines.push(format!("| {name} | It happened. | {retryable} | {fault} | {http} | {exit} | Act. |"));
    }
    lines.join("\n") + "\n\nMore text.\n"
}

#[test]
fn every_kind_of_difference_is_found() {
    let sound = sound();
    assert_eq!(differences(&sound), [""; 0]);
    let line = |code: &str| {
        let start = format!("| `{code}` |");
        let line = sound.lines().find(|line| line.starts_with(&start));
        line.unwrap_or_else(|| panic!("{code} has no row")).to_owned()
    };
    let (timeout, aborted) = (line("TIMEOUT"), line("ABORTED"));
    let with = |from: &str, to: &str| {
        assert!(timeout.contains(from), "the row no longer has {from}");
        sound.replace(&timeout, &timeout.replace(from, to))
    };
    let exchanged =
        sound.replace(&aborted, "-").replace(&timeout, &aborted).replace("\n-\n", &format!("\n{timeout}\n"));
    for (planted, expected) in [
        (sound.replace(&format!("{timeout}\n"), ""), "TIMEOUT: 0 rows"),
        (sound.replace(&timeout, &format!("{timeout}\n{timeout}")), "TIMEOUT: 2 rows"),
        (with("`TIMEOUT`", "`TIME_OUT`"), "`TIME_OUT`: no such code"),
        (with("| `TIMEOUT` |", "| TIMEOUT |"), "TIMEOUT: code is `TIMEOUT`, not TIMEOUT"),
        (with("| yes |", "| no |"), "TIMEOUT: retryable is yes, not no"),
        (with("| plugin |", "| host |"), "TIMEOUT: fault is plugin, not host"),
        (with("| 504 |", "| 500 |"), "TIMEOUT: HTTP is 504, not 500"),
        (with("| 75 |", "| 76 |"), "TIMEOUT: exit is 75, not 76"),
        (with("It happened.", ""), "TIMEOUT: an empty cell"),
        (with("Act.", ""), "TIMEOUT: an empty cell"),
        (with("| 504 |", "|"), "`TIMEOUT`: 6 cells"),
        (exchanged, "the order is another one"),
        (sound.replace("| exit | what to do |", "| what to do |"), "UNKNOWN_ERROR: 0 rows"),
    ] {
        let found = differences(&planted);
        assert!(found.iter().any(|difference| difference == expected), "{expected:?} is not in {found:?}");
    }
}

/// The first cells of a table, each read as what it names. Values that are not JSON already are texts.
fn read_names<T: DeserializeOwned>(head: &[&str]) -> Vec<T> {
    let document = document();
    let read = |row: Vec<&str>| {
        let name = row[0].trim_matches('`');
        let json = if name.starts_with('{') { name.to_owned() } else { format!("\"{name}\"") };
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    rows(&document, head).into_iter().map(read).collect()
}

#[test]
fn steps_resources_and_causes_are_written_as_they_are_read() {
    let steps: Vec<Step> = read_names(&["step", "meaning"]);
    assert!(steps.contains(&Step::Queue) && steps.contains(&Step::Drain), "{steps:?}");
    let resources: Vec<Resource> = read_names(&["resource", "meaning"]);
    assert!(
        resources.contains(&Resource::Memory) && resources.contains(&Resource::InvokeDepth),
        "{resources:?}"
    );
    let causes: Vec<CrashCause> = read_names(&["cause", "meaning"]);
    assert!(
        causes.contains(&CrashCause::SpawnerLost) && causes.contains(&CrashCause::OutOfMemory),
        "{causes:?}"
    );
}
