//! Plugins and inputs that are wrong: what is said, and with which code the command ends.

use std::os::unix::fs::PermissionsExt as _;

use crate::command::Home;

const MANIFEST: &str = "manifest_version = 1\nid = \"acme/count\"\nversion = \"0.1.0\"\nentry = \"bin/count\"\nmin_isolation = \"subprocess\"\n";

/// A home with a plugin `count` whose program is this text.
fn with_program(program: &str, mode: u32) -> Home {
    let home = Home::new();
    home.write("count/plugin.toml", MANIFEST);
    let entry = home.write("count/bin/count", program);
    std::fs::set_permissions(entry, std::fs::Permissions::from_mode(mode)).expect("the file is ours");
    home
}

#[test]
fn a_right_plugin_is_valid_and_its_permissions_are_said() {
    let home = with_program("#!/bin/sh\n", 0o755);
    let ended = home.run(&["validate", "count"]);
    assert_eq!((ended.code, ended.note.as_str()), (0, ""), "{ended:?}");
    assert_eq!(
        ended.result,
        "ok: acme/count 0.1.0 (count/plugin.toml)\n  asks for nothing beyond its workspace\n"
    );
    assert_eq!(home.run(&["validate", "count/plugin.toml", "--json"]).json()["manifest"]["id"], "acme/count");
}

#[test]
fn a_missing_folder_or_manifest_is_a_wrong_command_line() {
    let home = Home::new();
    home.run(&["validate", "nowhere"]).failed(2, "there is no plugin folder `nowhere`");
    home.run(&["run", "nowhere", "x"]).failed(2, "there is no plugin folder `nowhere`");
    home.run(&["validate"]).failed(2, "there is no manifest in `.`");
    home.write("x.yaml", "");
    home.run(&["validate", "x.yaml"]).failed(2, "ends in neither");
}

#[test]
fn a_wrong_manifest_is_shown_with_its_lines() {
    let home = Home::new();
    home.write("count/plugin.toml", &MANIFEST.replace("version = \"0", "verison = \"0"));
    for command in [&["validate", "count"][..], &["run", "count", "x"], &["describe", "count"]] {
        let ended = home.run(command);
        ended.failed(65, "error[VALIDATION_ERROR]: verison: unknown key");
        ended.failed(65, "3 | verison = \"0.1.0\"\n  | ^^^^^^^");
        ended.failed(65, "did you mean `version`?");
    }
    let document = home.run(&["validate", "count", "--json"]);
    assert_eq!(
        document.json()["error"]["faults"].as_array().unwrap().len(),
        2,
        "the key is unknown, the right one missing"
    );
}

#[test]
fn a_program_that_is_missing_or_outside_is_found_before_it_is_needed() {
    let home = Home::new();
    home.write("count/plugin.toml", MANIFEST);
    home.run(&["validate", "count"]).failed(65, "entry: failed to find `bin/count`");
    let outside = home.write("outside", "");
    std::fs::create_dir(home.path().join("count/bin")).unwrap();
    std::os::unix::fs::symlink(outside, home.path().join("count/bin/count")).unwrap();
    home.run(&["validate", "count"]).failed(65, "leads out of the plugin's folder");
    with_program("", 0o644).run(&["validate", "count"]).failed(65, "`bin/count` is not executable");
}

#[test]
fn an_input_that_is_no_json_is_shown_with_its_place() {
    let home = with_program("", 0o755);
    let ended = home.run(&["run", "count", "count", "--input", "{\"a\": }"]);
    ended.failed(65, "error[VALIDATION_ERROR]: the input is no JSON: expected value");
    ended.failed(65, "1 | {\"a\": }\n  |       ^");
    home.write("in.json", "{\n  \"a\": 1,\n}");
    home.run(&["run", "count", "count", "--input", "@in.json"]).failed(65, "in.json:3:1");
    home.run_with(&["run", "count", "count", "--input", "-"], &[], "nope").failed(65, "standard input:1:2");
    home.run(&["run", "count", "count", "--input", "@none"])
        .failed(2, "failed to read the input from `none`");
}

#[test]
fn a_program_that_is_none_is_told_by_every_backend_that_starts_it() {
    let home = with_program("", 0o755);
    for backend in ["subprocess", "worker-pool"] {
        let ended = home.run(&["run", "count", "count", "--backend", backend]);
        ended.failed(71, "error[SPAWN_FAILED]");
        ended.failed(71, "neither an ELF program nor a script");
    }
    let document = home.run(&["run", "count", "count", "--backend", "worker-pool", "--json"]);
    assert_eq!(document.json()["outcome"]["result"]["Err"]["code"], "SPAWN_FAILED");
}

#[test]
fn a_program_that_speaks_no_protocol_fails_its_handshake_and_shows_its_last_words() {
    let home = with_program("#!/bin/sh\necho 'no library found' >&2\nexit 3\n", 0o755);
    let ended = home.run(&["run", "count", "count"]);
    ended.failed(106, "error[HANDSHAKE_FAILED]");
    ended.failed(106, "no library found");
}
