//! The program of the plugin, run as a person would run it. What a host does with it is tested where hosts are.

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "a test runs the program as a person would")]
    let mut program = Command::new(env!("CARGO_BIN_EXE_csv-stats"));
    program.args(arguments).output().expect("the program was built with this test")
}

#[test]
fn described_are_the_handlers_with_the_shape_of_their_input() {
    let output = run(&["--describe"]);
    assert!(output.status.success());
    let description: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(description["id"], "plugdock/csv-stats");
    let handlers = description["handlers"].as_array().unwrap();
    let ids: Vec<_> = handlers.iter().map(|handler| handler["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["stats", "columns"]);
    assert_eq!(handlers[0]["input_schema"]["properties"]["file"]["type"], "string");
    assert_eq!(handlers[0]["examples"][0]["input"]["file"], "data.csv");
}

#[test]
fn without_arguments_the_help_is_printed() {
    let output = run(&[]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["plugdock/csv-stats", "stats", "columns", "plugdock run"] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn an_unknown_argument_is_a_usage_error() {
    let output = run(&["--nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--nonsense"));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_manifest_and_the_program_agree_on_what_they_are() {
    let manifest = include_str!("../../plugin.toml");
    let description: Value = serde_json::from_slice(&run(&["--describe"]).stdout).unwrap();
    for key in ["id", "version"] {
        let line = format!("{key} = {}", description[key]);
        assert!(manifest.lines().any(|at| at == line), "the manifest has no line `{line}`");
    }
    assert!(manifest.contains("entry = \"bin/csv-stats\""));
}
