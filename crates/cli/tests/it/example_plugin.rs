//! The example plugins as a person runs them: real files in, results and artifacts out, in a process of their own.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::Home;

/// The folder of this workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate lies two folders below")
        .to_owned()
}

/// A home with an example plugin, packed as its manifest says.
fn home_with(plugin: &str) -> Home {
    let built = Path::new(env!("CARGO_BIN_EXE_plugdock")).with_file_name(plugin);
    assert!(built.exists(), "{} is missing: run `cargo build --workspace` first", built.display());
    let home = Home::new();
    let manifest = workspace().join("crates/examples").join(plugin).join("plugin.toml");
    home.write(
        &format!("{plugin}/plugin.toml"),
        &std::fs::read_to_string(manifest).expect("the example's manifest"),
    );
    home.write(&format!("{plugin}/bin/placeholder"), "");
    std::fs::copy(&built, home.path().join(plugin).join("bin").join(plugin)).expect("the program is copied");
    home
}

#[test]
fn markdown_renders_this_repositorys_readme_with_a_table_of_contents() {
    let home = home_with("markdown");
    let readme = workspace().join("README.md");
    let file = readme.to_str().expect("the path is text");
    let input = r#"{"files":["README.md"]}"#;
    let args =
        ["run", "markdown", "render", "--file", file, "--input", input, "--artifacts", "out", "--json"];
    let ended = home.run(&args);
    assert_eq!(ended.code, 0, "{ended:?}");
    let outcome = ended.json();
    let result = outcome
        .pointer("/outcome/result/Ok/json/documents/0")
        .or(outcome.pointer("/result/Ok/json/documents/0"));
    let document = result.unwrap_or_else(|| panic!("no document in {outcome:#}"));
    assert_eq!(document["title"], "plugdock");
    let page =
        std::fs::read_to_string(home.path().join("out/README.html")).expect("the artifact was copied out");
    for part in ["<title>plugdock</title>", "<nav", "href=\"#the-layers\"", "id=\"the-layers\"", "</html>"] {
        assert!(page.contains(part), "{part} is missing");
    }
}

#[test]
fn csv_stats_tells_what_is_in_each_column() {
    let home = home_with("csv-stats");
    let sample = workspace().join("crates/examples/csv-stats/sample.csv");
    let file = sample.to_str().expect("the path is text");
    let ended =
        home.run(&["run", "csv-stats", "stats", "--file", file, "--input", r#"{"file":"sample.csv"}"#, "-q"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let columns: Vec<Value> = ended
        .result
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line of the stream is JSON"))
        .filter(|line: &Value| line["kind"] == "column")
        .collect();
    let types: Vec<_> = columns.iter().map(|column| column["type"].as_str().expect("a type")).collect();
    assert_eq!(types, ["date", "text", "text", "float", "float", "float", "float", "boolean"]);
    assert_eq!(columns[0]["dates"]["max"], "2026-04-30");
    assert_eq!(columns[1]["distinct"]["count"], 6);
    assert_eq!(columns[6]["types"]["empty"], 8);
}

#[test]
fn describe_lists_the_handlers_with_their_schemas() {
    let home = home_with("csv-stats");
    let described = home.run(&["describe", "csv-stats", "--json"]).json();
    let text = described.to_string();
    for part in ["\"stats\"", "\"columns\"", "\"stream\"", "\"input_schema\""] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}
