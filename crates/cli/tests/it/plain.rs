//! Commands that start no plugin.

use crate::command::Home;

#[test]
fn help_and_version_are_results() {
    let home = Home::new();
    let help = home.run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.result.contains("Exit codes:") && help.result.contains("130  ABORTED"), "{}", help.result);
    assert_eq!(home.run(&["--version"]).result.trim(), concat!("plugdock ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_exits_with_two_and_says_what_was_meant() {
    let home = Home::new();
    home.run(&["valdate"]).failed(2, "similar subcommand exists: 'validate'");
    home.run(&["run", ".", "x", "--timeout", "5"]).failed(2, "each number needs a unit");
    home.run(&[]).failed(2, "Usage");
}

#[test]
fn completions_complete_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Home::new().run(&["completions", shell]);
        assert_eq!(ended.code, 0);
        assert!(ended.result.contains("validate") && ended.result.contains("explain"), "{shell}");
    }
}

#[test]
fn doctor_says_what_this_machine_enforces() {
    let home = Home::new();
    let plain = home.run(&["doctor"]);
    assert_eq!(plain.code, 0, "{plain:?}");
    let document = home.run(&["doctor", "--json"]).json();
    let mechanisms = document["mechanisms"].as_array().unwrap();
    assert!(!mechanisms.is_empty());
    for mechanism in mechanisms {
        assert!(plain.result.contains(mechanism["name"].as_str().unwrap()), "{mechanism}");
    }
}

#[test]
fn looking_at_things_leaves_nothing_in_the_home() {
    let home = Home::new();
    for args in [&["doctor"][..], &["config", "show"], &["--help"]] {
        home.run(args);
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
