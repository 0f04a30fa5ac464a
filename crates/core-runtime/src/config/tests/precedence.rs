//! Which source wins, and what each value's origin says afterwards.

use std::time::Duration;

use plugdock_contracts::ByteSize;
use plugdock_contracts::document::Format;
use plugdock_contracts::span::format_span;
use serde_json::json;

use super::{bare, environment, shown, toml};
use crate::config::{ExecutionMode, FIELDS, Field, Kind, LogFormat, Preset, RuntimeConfig};

#[test]
fn the_defaults_its_users_know_hold() {
    let config = bare().build().unwrap();
    assert_eq!(config.execution().mode, ExecutionMode::Auto);
    assert_eq!(config.timeouts().call, Some(Duration::from_secs(30)));
    assert_eq!(config.timeouts().acquire, Some(Duration::from_secs(5)));
    assert_eq!(config.timeouts().slow_after, None);
    assert_eq!(config.log().format, LogFormat::Text);
    assert_eq!(shown(&config, "execution.workspace_root"), "/data/workspaces (default)");
    assert_eq!(shown(&config, "limits.memory"), "- (default)");
}

#[test]
fn code_wins_over_environment_over_file_over_default() {
    let file = "[timeouts]\ncall = \"1s\"\nacquire = \"1s\"\ngrace = \"1s\"\n";
    let config = bare()
        .text("/etc/host.toml", file, Format::Toml)
        .environment(environment([("PLUGDOCK_TIMEOUTS_CALL", "2s"), ("PLUGDOCK_TIMEOUTS_ACQUIRE", "2s")]))
        .set_by("--timeout", "timeouts.call", Duration::from_secs(3))
        .build()
        .unwrap();
    assert_eq!(shown(&config, "timeouts.call"), "3s (--timeout)");
    assert_eq!(shown(&config, "timeouts.acquire"), "2s (PLUGDOCK_TIMEOUTS_ACQUIRE)");
    assert_eq!(shown(&config, "timeouts.grace"), "1s (/etc/host.toml:4)");
    assert_eq!(shown(&config, "execution.handshake"), "10s (default)");
}

#[test]
fn toml_and_json_give_the_same_values_and_lines() {
    let from_toml =
        toml("[limits]\nmemory = \"1GiB\"\ncpu = \"500m\"\n[log]\nfilter = [\"a=debug\"]").unwrap();
    let json =
        "{\"limits\":\n{\"memory\": 1073741824,\n \"cpu\": \"500m\"},\n\"log\": {\"filter\": [\"a=debug\"]}}";
    let from_json = bare().text("/etc/host.json", json, Format::Json).build().unwrap();
    for config in [&from_toml, &from_json] {
        assert_eq!(config.limits().memory, Some(ByteSize::from_mib(1024)));
        assert_eq!(config.limits().cpu_millicores, Some(500));
        assert_eq!(config.log().filter, ["a=debug"]);
    }
    assert_eq!(shown(&from_toml, "limits.cpu"), "500m (/etc/host.toml:3)");
    assert_eq!(shown(&from_json, "limits.cpu"), "500m (/etc/host.json:3)");
}

#[test]
fn relative_paths_are_taken_from_where_they_are_written() {
    let config = bare()
        .text(
            "conf/host.toml",
            "[execution]\nworkspace_root = \"ws\"\nworker_program = \"../bin/w\"",
            Format::Toml,
        )
        .environment(environment([("PLUGDOCK_EXECUTION_SPAWNER_PROGRAM", "./s")]))
        .build()
        .unwrap();
    assert_eq!(shown(&config, "execution.workspace_root"), "/base/conf/ws (/base/conf/host.toml:2)");
    assert_eq!(shown(&config, "execution.worker_program"), "/base/conf/../bin/w (/base/conf/host.toml:3)");
    assert_eq!(shown(&config, "execution.spawner_program"), "/base/s (PLUGDOCK_EXECUTION_SPAWNER_PROGRAM)");
}

#[test]
fn the_data_folder_follows_the_users_folders() {
    let with = |variables| RuntimeConfig::builder().base("/").environment(variables).build().unwrap();
    let home = with(environment([("HOME", "/home/a")]));
    assert_eq!(shown(&home, "platform.data_dir"), "/home/a/.local/share/plugdock (default)");
    let xdg = with(environment([("HOME", "/home/a"), ("XDG_DATA_HOME", "/var/x")]));
    assert_eq!(shown(&xdg, "execution.workspace_root"), "/var/x/plugdock/workspaces (default)");
    let relative = with(environment([("HOME", "/home/a"), ("XDG_DATA_HOME", "x")]));
    assert_eq!(shown(&relative, "platform.data_dir"), "/home/a/.local/share/plugdock (default)");
}

#[test]
fn a_plugins_table_comes_whole_from_one_source() {
    let file = "[plugins.\"acme/a\"]\nunits = \"si\"\n[plugins.\"acme/b\"]\nn = 1\n";
    let id = |text: &str| plugdock_contracts::PluginId::new(text).unwrap();
    let config =
        bare().text("/h.toml", file, Format::Toml).plugin(id("acme/b"), json!({ "m": 2 })).build().unwrap();
    assert_eq!(config.plugins()[&id("acme/a")].config, json!({ "units": "si" }));
    assert_eq!(config.plugins()[&id("acme/a")].origin.to_string(), "/h.toml:1");
    assert_eq!(config.plugins()[&id("acme/b")].config, json!({ "m": 2 }));
}

#[test]
fn every_row_reaches_its_section_from_the_environment() {
    let text = |field: &Field| match (field.preset, field.kind) {
        (_, Kind::Word(words)) => words[1].to_owned(),
        (Preset::Value(text), _) if !text.is_empty() => text.to_owned(),
        (_, Kind::Path) => "/data/path".to_owned(),
        (_, Kind::PathList) => "/a,/b".to_owned(),
        (_, Kind::Span(least, _)) => format_span(least),
        (_, Kind::Size(least, _)) => least.to_string(),
        (_, Kind::Count(least, _)) => least.to_string(),
        (_, Kind::Share) => "250m".to_owned(),
        (_, Kind::List(_)) if field.key == "pool.warm" => "acme/a,acme/b".to_owned(),
        (_, Kind::List(_)) => "a=debug,b=off".to_owned(),
        (_, Kind::Weights(..)) => "acme/a=3,acme/b=1".to_owned(),
        (_, Kind::OrNone(_)) => "none".to_owned(),
    };
    for field in FIELDS {
        // Programs of workers do not fit the mode `in-process`, so each row is tried alone.
        let variables = [("HOME".to_owned(), "/home/a".to_owned()), (field.variable(), text(field))];
        let config =
            RuntimeConfig::builder().base("/").environment(variables.into_iter().collect()).build().unwrap();
        assert_eq!(shown(&config, field.key), format!("{} ({})", text(field), field.variable()));
    }
}
