//! What a wrong configuration is told: every fault, with its origin and what would be right.

use expect_test::{Expect, expect};
use plugdock_contracts::document::Format;

use super::{bare, environment, toml};
use crate::config::{ConfigError, RuntimeConfig};

#[track_caller]
fn check(result: Result<RuntimeConfig, ConfigError>, expected: &Expect) {
    expected.assert_eq(&match result {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    });
}

#[test]
fn all_faults_of_all_sources_are_listed_at_once() {
    let file = "[execution]\nmode = \"sub-process\"\nworkres = 3\n[timeouts]\ncall = \"10\"\nslow_after = \"20s\"\n[executon]\n";
    let result = bare()
        .text("/etc/host.toml", file, Format::Toml)
        .environment(environment([
            ("PLUGDOCK_EXECUTION_MAX_CONCURRENT", "0"),
            ("PLUGDOCK_LOG_LEVL", "debug"),
        ]))
        .set("timeouts.grce", "1s")
        .set_by("--timeout", "timeouts.call", "5s")
        .build();
    check(
        result,
        &expect![[r"
            /etc/host.toml:2: execution.mode: unknown value `sub-process`
              help: did you mean `subprocess`?
            /etc/host.toml:3: execution.workres: unknown key
              help: known keys: mode, profile, spawner_program, worker_program, max_concurrent, max_waiting, plugin_dirs, workspace_root, handshake
            /etc/host.toml:5: timeouts.call: `10` is no length of time: each number needs a unit: ns, us, ms, s, m, h or d
            /etc/host.toml:7: executon: unknown key
              help: did you mean `execution`?
            PLUGDOCK_EXECUTION_MAX_CONCURRENT: execution.max_concurrent: 0 is too small
              help: between 1 and 65536
            PLUGDOCK_LOG_LEVL: unknown variable
              help: did you mean `PLUGDOCK_LOG_LEVEL`?
            code: timeouts.grce: unknown key
              help: did you mean `timeouts.grace`?
            /etc/host.toml:6: timeouts.slow_after: 20s is not less than timeouts.call, which is 5s (--timeout)
              help: an execution that slow is over its time already"]],
    );
}

#[test]
fn values_that_do_not_fit_together_are_refused() {
    check(
        toml("[timeouts]\nslow_after = \"30s\""),
        &expect![[r"
        /etc/host.toml:2: timeouts.slow_after: 30s is not less than timeouts.call, which is 30s (default)
          help: an execution that slow is over its time already"]],
    );
    check(
        toml("[limits]\nmemory = \"1MiB\"\npayload = \"2MiB\"\nstack = \"1MiB\""),
        &expect![[r"
        /etc/host.toml:3: limits.payload: 2MiB is more than limits.memory, which is 1MiB (/etc/host.toml:2)
          help: a payload that large cannot be held"]],
    );
    check(
        toml("[execution]\nmode = \"in-process\"\nworker_program = \"/bin/w\""),
        &expect![[r"
        /etc/host.toml:3: execution.worker_program: no process is started, because execution.mode is in-process (/etc/host.toml:2)
          help: leave it out, or choose the mode subprocess or worker-pool"]],
    );
    check(
        toml("[execution]\nworkspace_root = \"/\""),
        &expect![[r"
        /etc/host.toml:2: execution.workspace_root: / holds platform.data_dir, which is /data (code)
          help: leftovers are removed there; give it a folder of its own"]],
    );
}

#[test]
fn a_value_that_is_refused_is_not_compared_with_others() {
    // Its default would be compared instead, and the fault found would be nobody's.
    check(
        toml("[timeouts]\ncall = \"1\"\nslow_after = \"40s\"\n[platform]\ndata_dir = 3"),
        &expect![[r"
        /etc/host.toml:2: timeouts.call: `1` is no length of time: each number needs a unit: ns, us, ms, s, m, h or d
        /etc/host.toml:5: platform.data_dir: expected a string, found an integer"]],
    );
    check(
        toml("[pool]\nmin = 2\nmax = 2\nwarm = [\"acme/a\", \"acme/b\", \"Count\"]"),
        &expect![[r"
        /etc/host.toml:4: pool.warm[2]: `Count` is not acceptable
          help: it needs a scope and a name with one `/` between, as in `acme/count`"]],
    );
    // A stronger source's value is compared, whatever is wrong with a weaker one's.
    check(
        bare()
            .text("/etc/host.toml", "[pool]\nmin = 3\nmax = \"x\"", Format::Toml)
            .environment(environment([("PLUGDOCK_POOL_MAX", "2")]))
            .build(),
        &expect![[r"
            /etc/host.toml:3: pool.max: expected an integer, found a string
            /etc/host.toml:2: pool.min: 3 is more than pool.max, which is 2 (PLUGDOCK_POOL_MAX)
              help: lower pool.min or raise pool.max"]],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_the_fault_of_who_asked_for_it() {
    let missing = |builder: crate::config::RuntimeConfigBuilder| builder.build().unwrap_err().to_string();
    let by_option = missing(bare().file("/no/such.toml", "--config"));
    assert!(
        by_option.starts_with("--config: failed to read configuration file `/no/such.toml`: "),
        "{by_option}"
    );
    let by_variable = missing(bare().environment(environment([("PLUGDOCK_CONFIG", "/no/such.toml")])));
    assert!(by_variable.starts_with("PLUGDOCK_CONFIG: failed to read"), "{by_variable}");
    check(
        bare().file("/no/such.yaml", "--config").build(),
        &expect![[r"
        --config: `/no/such.yaml` ends in neither `.toml` nor `.json`
          help: a configuration file is plugdock.toml or plugdock.json, or ends so"]],
    );
}

#[test]
fn syntax_faults_do_not_hide_those_of_other_sources() {
    let result = bare()
        .text("/h.toml", "a = = 1", Format::Toml)
        .environment(environment([("PLUGDOCK_LOG_FORMAT", "")]))
        .build();
    let text = result.unwrap_err().to_string();
    assert!(text.starts_with("/h.toml:1: "), "{text}");
    assert!(text.ends_with("PLUGDOCK_LOG_FORMAT: log.format: it is set but empty\n  help: unset it to leave the value to the file or the default"), "{text}");
}

#[test]
fn without_a_home_the_data_folder_must_be_named() {
    check(
        RuntimeConfig::builder().base("/").build(),
        &expect![[r"
        default: platform.data_dir: no value, and neither XDG_DATA_HOME nor HOME to make one from
          help: set it, for example by the environment variable PLUGDOCK_PLATFORM_DATA_DIR"]],
    );
}

#[test]
fn plugins_have_ids_and_tables() {
    check(
        toml("[plugins]\nCount = { n = 1 }\n\"acme/a\" = 3"),
        &expect![[r#"
        /etc/host.toml:2: plugins.Count: `Count` is no plugin id (`scope/name`): it needs a scope and a name with one `/` between, as in `acme/count`
          help: for example [plugins."acme/count"]
        /etc/host.toml:3: plugins."acme/a": expected a table, found an integer"#]],
    );
    let id = plugdock_contracts::PluginId::new("acme/a").unwrap();
    check(
        bare().plugin(id, serde_json::json!(3)).build(),
        &expect![[r#"code: plugins."acme/a": the configuration of a plugin is a JSON object"#]],
    );
}

#[test]
fn variables_of_others_are_noted_and_not_refused() {
    let variables = environment([("PLUGDOCK_SERVICE_HOST", "10.0.0.1"), ("PLUGDOCK_ROLE", "spawner")]);
    let config = bare().environment(variables).build().unwrap();
    assert_eq!(
        config.notes(),
        ["the environment variable PLUGDOCK_SERVICE_HOST is no configuration and is ignored"]
    );
}

#[test]
fn a_fault_of_the_file_slices_its_text() {
    let error = toml("[log]\nlevel = \"loud\"").unwrap_err();
    let span = error.faults()[0].span.clone().unwrap();
    assert_eq!(&error.source_text().unwrap()[span], "\"loud\"");
    assert_eq!(error.source_name(), Some("/etc/host.toml"));
}

#[test]
fn a_list_names_the_item_that_is_wrong() {
    check(
        toml("[log]\nfilter = [\"a=debug\", \"b\"]"),
        &expect![[r"
        /etc/host.toml:2: log.filter[1]: `b` is not acceptable
          help: write a target and a level, for example plugdock_execution_factory=debug"]],
    );
}
