//! `plugdock config show`: values with their origins, and faults all at once.

use crate::command::Home;

#[test]
fn every_value_says_where_it_came_from() {
    let home = Home::new();
    let file = home.write(".config/plugdock/plugdock.toml", "[timeouts]\ncall = \"7s\"\n");
    let shown = home.run_with(&["config", "show", "--json"], &[("PLUGDOCK_LOG_LEVEL", "debug")], "").json();
    assert_eq!(shown["file"], file.to_str().unwrap());
    let call = &shown["values"]["timeouts.call"];
    assert_eq!((call["value"].as_str(), call["origin"]["line"].as_u64()), (Some("7s"), Some(2)));
    assert_eq!(shown["values"]["log.level"]["origin"]["variable"], "PLUGDOCK_LOG_LEVEL");
    assert_eq!(shown["values"]["execution.mode"]["origin"]["from"], "default");
}

#[test]
fn what_is_shown_is_a_configuration_again() {
    let home = Home::new();
    let first = home.run(&["config", "show"]);
    home.write("again.toml", &first.result);
    let second = home.run(&["config", "show", "--config", "again.toml", "--json"]).json();
    let original = home.run(&["config", "show", "--json"]).json();
    for (key, setting) in original["values"].as_object().unwrap() {
        assert_eq!(setting["value"], second["values"][key]["value"], "{key}");
    }
}

#[test]
fn all_faults_are_shown_at_once_with_their_lines() {
    let home = Home::new();
    home.write("host.toml", "[execution]\nmode = \"subproces\"\n[limts]\n");
    let args = ["config", "show", "--config", "host.toml"];
    let ended = home.run_with(&args, &[("PLUGDOCK_TIMEOUTS_CALL", "0s")], "");
    ended.failed(2, "did you mean `subprocess`?");
    ended.failed(2, "2 | mode = \"subproces\"\n  |        ^^^^^^^^^^^");
    ended.failed(2, "did you mean `limits`?");
    ended.failed(2, "PLUGDOCK_TIMEOUTS_CALL: timeouts.call: 0s is too small");
    ended.failed(2, "3 faults");
    let document = home.run(&["config", "show", "--json", "--config", "host.toml"]);
    assert_eq!(document.code, 2);
    assert_eq!(document.json()["error"]["faults"][0]["help"], "did you mean `subprocess`?");
}

#[test]
fn a_named_file_must_exist_and_one_in_the_working_folder_is_not_read() {
    let home = Home::new();
    home.write("plugdock.toml", "nonsense");
    assert_eq!(home.run(&["config", "show"]).code, 0, "a file that nobody named is not read");
    home.run(&["config", "show", "--config", "no.toml"])
        .failed(2, "--config: failed to read configuration file");
}
