//! The values of the worker pool: every kind of fault with its place, `none`, plugins by id, and which source wins.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect};
use plugdock_contracts::document::Format;
use plugdock_contracts::{ByteSize, PluginId};
use plugdock_execution_factory::{OnCap, PoolConfig};

use super::{bare, environment, shown, toml};
use crate::config::{ConfigError, RuntimeConfig};

#[track_caller]
fn refused(result: Result<RuntimeConfig, ConfigError>, expected: &Expect) {
    expected.assert_eq(&result.expect_err("it is faulty").to_string());
}

fn id(text: &str) -> PluginId {
    PluginId::new(text).unwrap()
}

/// One value of each kind of fault.
const FAULTY: &str = r#"
[pool]
min = -1
max = 5000
depth = 0
warm = [
  "acme/a",
  "Count",
]
queue = "many"
queue_bytes = "0B"
plugin_queue = 99999999
plugin_concurrency = 0
tenant_concurrency = true
on_cap = "drop"
turn = "0s"
recycle_calls = "never"
recycle_age = "0s"
recycle_memory = "lots"
recycle_jitter = 91
idle_after = "40000d"
health_every = 10
crash_limit = 0
quarantin = "1s"

[pool.weights]
"acme/a" = 0
"acme/b" = 1001
"acme" = 1
"acme/c" = "much"
"#;

#[test]
fn each_wrong_value_is_named_with_its_line() {
    refused(
        toml(FAULTY),
        &expect![[r#"
            /etc/host.toml:3: pool.min: -1 is less than zero
            /etc/host.toml:4: pool.max: 5000 is too large
              help: between 1 and 4096
            /etc/host.toml:5: pool.depth: 0 is too small
              help: between 1 and 1024
            /etc/host.toml:8: pool.warm[1]: `Count` is not acceptable
              help: it needs a scope and a name with one `/` between, as in `acme/count`
            /etc/host.toml:10: pool.queue: expected an integer, found a string
            /etc/host.toml:11: pool.queue_bytes: 0B is too small
              help: between 1B and 1PiB
            /etc/host.toml:12: pool.plugin_queue: 99999999 is too large
              help: between 0 and 16777216; for no bound write `none`
            /etc/host.toml:13: pool.plugin_concurrency: 0 is too small
              help: between 1 and 4194304; for no bound write `none`
            /etc/host.toml:14: pool.tenant_concurrency: expected an integer, found a boolean
            /etc/host.toml:15: pool.on_cap: unknown value `drop`
              help: one of: wait, reject
            /etc/host.toml:16: pool.turn: 0s is too small
              help: between 1ms and 1h
            /etc/host.toml:17: pool.recycle_calls: expected an integer or "none", found a string
            /etc/host.toml:18: pool.recycle_age: 0s is too small
              help: between 1ms and 365d; for no bound write `none`
            /etc/host.toml:19: pool.recycle_memory: `lots` is no size: the unit is one of B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB, PiB (powers of 1024)
              help: for no bound write `none`
            /etc/host.toml:20: pool.recycle_jitter: 91 is too large
              help: between 0 and 90
            /etc/host.toml:21: pool.idle_after: `40000d` is no length of time: it is longer than a century
            /etc/host.toml:22: pool.health_every: expected a string, found an integer
            /etc/host.toml:23: pool.crash_limit: 0 is too small
              help: between 1 and 10000
            /etc/host.toml:24: pool.quarantin: unknown key
              help: did you mean `quarantine`?
            /etc/host.toml:27: pool.weights."acme/a": 0 is too small
              help: between 1 and 1000
            /etc/host.toml:28: pool.weights."acme/b": 1001 is too large
              help: between 1 and 1000
            /etc/host.toml:29: pool.weights.acme: `acme` is no plugin id (`scope/name`): it needs a scope and a name with one `/` between, as in `acme/count`
              help: for example "acme/a" = 3
            /etc/host.toml:30: pool.weights."acme/c": expected an integer, found a string"#]],
    );
}

#[test]
fn variables_are_held_to_the_same_rules() {
    let variables = environment([
        ("PLUGDOCK_POOL_MAX", "0"),
        ("PLUGDOCK_POOL_WARM", "acme/a,Count"),
        ("PLUGDOCK_POOL_WEIGHTS", "acme/a=3,acme/b"),
        ("PLUGDOCK_POOL_RECYCLE_AGE", "never"),
        ("PLUGDOCK_POOL_RECYCLE_CALLS", "0"),
        ("PLUGDOCK_POOL_QUEUE", "none"),
        ("PLUGDOCK_POOL_RECYCLE_JITER", "5"),
    ]);
    refused(
        bare().environment(variables).set("pool.weights", "acme/a=0").set("pool.wights", "acme/a=1").build(),
        &expect![[r"
            PLUGDOCK_POOL_MAX: pool.max: 0 is too small
              help: between 1 and 4096
            PLUGDOCK_POOL_WARM: pool.warm: `Count` is not acceptable
              help: it needs a scope and a name with one `/` between, as in `acme/count`
            PLUGDOCK_POOL_QUEUE: pool.queue: `none` is no whole number
              help: between 0 and 16777216
            PLUGDOCK_POOL_WEIGHTS: pool.weights: `acme/b` has no weight
              help: write a plugin id and a number, for example acme/a=3
            PLUGDOCK_POOL_RECYCLE_CALLS: pool.recycle_calls: 0 is too small
              help: between 1 and 2147483648; for no bound write `none`
            PLUGDOCK_POOL_RECYCLE_AGE: pool.recycle_age: `never` is no length of time: a number must come before each unit; write for example 250ms, 2s or 1m30s
              help: for no bound write `none`
            PLUGDOCK_POOL_RECYCLE_JITER: unknown variable
              help: did you mean `PLUGDOCK_POOL_RECYCLE_JITTER`?
            code: pool.weights: the weight of `acme/a`: 0 is too small
              help: between 1 and 1000
            code: pool.wights: unknown key
              help: did you mean `pool.weights`?"]],
    );
}

#[test]
fn values_that_do_not_fit_together_name_both() {
    refused(
        toml("[pool]\nmin = 5\nmax = 3"),
        &expect![[r"
            /etc/host.toml:2: pool.min: 5 is more than pool.max, which is 3 (/etc/host.toml:3)
              help: lower pool.min or raise pool.max"]],
    );
    // The default is nobody's mistake: the fault stands where a person wrote.
    refused(
        toml("[pool]\nmax = 1"),
        &expect![[r"
            /etc/host.toml:2: pool.max: 1 is less than pool.min, which is 2 (default)
              help: lower pool.min or raise pool.max"]],
    );
    refused(
        bare()
            .text("/etc/host.toml", "[pool]\nmin = 11\nqueue = 50\nbackoff_min = \"20s\"", Format::Toml)
            .environment(environment([
                ("PLUGDOCK_POOL_TENANT_QUEUE", "51"),
                ("PLUGDOCK_POOL_QUARANTINE_MAX", "1s"),
            ]))
            .set_by("--queue", "pool.plugin_queue", 60u32)
            .build(),
        &expect![[r"
            /etc/host.toml:2: pool.min: 11 is more than pool.max, which is 10 (default)
              help: lower pool.min or raise pool.max
            --queue: pool.plugin_queue: 60 is more than pool.queue, which is 50 (/etc/host.toml:3)
              help: no more than those of all plugins ever wait
            PLUGDOCK_POOL_TENANT_QUEUE: pool.tenant_queue: 51 is more than pool.queue, which is 50 (/etc/host.toml:3)
              help: no more than those of all tenants ever wait
            /etc/host.toml:4: pool.backoff_min: 20s is more than pool.backoff_max, which is 10s (default)
              help: lower pool.backoff_min or raise pool.backoff_max
            PLUGDOCK_POOL_QUARANTINE_MAX: pool.quarantine_max: 1s is less than pool.quarantine, which is 30s (default)
              help: lower pool.quarantine or raise pool.quarantine_max"]],
    );
    refused(
        toml("[pool]\nmax = 5\nwarm = [\"acme/a\", \"acme/b\", \"acme/c\"]"),
        &expect![[r"
        /etc/host.toml:3: pool.warm: 6 workers, pool.min 2 (default) for each of 3 plugins, are more than pool.max, which is 5 (/etc/host.toml:2)
          help: raise pool.max, lower pool.min or name fewer plugins"]],
    );
    refused(
        toml("[pool]\nwarm = [\"acme/a\", \"acme/b\", \"acme/a\"]"),
        &expect![[r"
        /etc/host.toml:2: pool.warm: `acme/a` stands twice
          help: keep one of them"]],
    );
}

#[test]
fn a_fault_of_two_values_slices_the_text_of_the_one_it_stands_at() {
    let error = toml("[pool]\nmax = 1").unwrap_err();
    let span = error.faults()[0].span.clone().unwrap();
    assert_eq!(&error.source_text().unwrap()[span], "1");
}

#[test]
fn code_wins_over_environment_over_file_over_default() {
    let file = "[pool]\nmin = 3\nmax = 30\nqueue = 300\nweights = { \"acme/a\" = 3, \"acme/b\" = 4 }\n";
    let config = bare()
        .text("/etc/host.toml", file, Format::Toml)
        .environment(environment([("PLUGDOCK_POOL_MAX", "20"), ("PLUGDOCK_POOL_QUEUE", "200")]))
        .set_by("--max", "pool.max", 10u32)
        .set("pool.weights", BTreeMap::from([(id("acme/c"), 5)]))
        .build()
        .unwrap();
    assert_eq!(shown(&config, "pool.min"), "3 (/etc/host.toml:2)");
    assert_eq!(shown(&config, "pool.max"), "10 (--max)");
    assert_eq!(shown(&config, "pool.queue"), "200 (PLUGDOCK_POOL_QUEUE)");
    assert_eq!(shown(&config, "pool.depth"), "1 (default)");
    // A table comes whole from one source, like a list.
    assert_eq!(shown(&config, "pool.weights"), "acme/c=5 (code)");
    let pool = config.pool();
    assert_eq!((pool.min, pool.max, pool.queue), (3, 10, 200));
    assert_eq!(pool.weights, BTreeMap::from([(id("acme/c"), 5)]));
}

#[test]
fn none_takes_back_a_bound_in_every_source() {
    let bounds =
        "[pool]\nrecycle_calls = 5\nrecycle_age = \"5s\"\nrecycle_memory = \"5MiB\"\nplugin_queue = 5\n";
    let bounded = toml(bounds).unwrap();
    let pool = bounded.pool();
    assert_eq!((pool.recycle_calls, pool.recycle_age), (Some(5), Some(Duration::from_secs(5))));
    assert_eq!((pool.recycle_memory, pool.plugin_queue), (Some(ByteSize::from_mib(5)), Some(5)));

    let freed = bare()
        .text("/etc/host.toml", bounds, Format::Toml)
        .environment(environment([("PLUGDOCK_POOL_RECYCLE_MEMORY", "none")]))
        .set("pool.recycle_calls", None::<u64>)
        .set("pool.recycle_age", "none")
        .set("pool.plugin_queue", None::<u32>)
        .build()
        .unwrap();
    assert_eq!(shown(&freed, "pool.recycle_memory"), "none (PLUGDOCK_POOL_RECYCLE_MEMORY)");
    let pool = freed.pool();
    assert_eq!((pool.recycle_calls, pool.recycle_age, pool.recycle_memory), (None, None, None));
    assert_eq!(pool.plugin_queue, None);

    let in_file = toml("[pool]\nrecycle_calls = \"none\"\nrecycle_age = \"none\"").unwrap();
    assert_eq!((in_file.pool().recycle_calls, in_file.pool().recycle_age), (None, None));
    assert_eq!(shown(&in_file, "pool.recycle_age"), "none (/etc/host.toml:3)");
    assert_eq!(toml("").unwrap().pool().recycle_calls, PoolConfig::default().recycle_calls);
}

#[test]
fn plugins_are_named_alike_in_toml_json_and_variables() {
    let in_toml =
        toml("[pool]\nwarm = [\"@acme/a\"]\non_cap = \"reject\"\n[pool.weights]\n\"@acme/a\" = 3").unwrap();
    let json = r#"{ "pool": { "warm": ["@acme/a"], "on_cap": "reject", "weights": { "@acme/a": 3 } } }"#;
    let in_json = bare().text("/etc/host.json", json, Format::Json).build().unwrap();
    let variables = environment([
        ("PLUGDOCK_POOL_WARM", "@acme/a"),
        ("PLUGDOCK_POOL_ON_CAP", "reject"),
        ("PLUGDOCK_POOL_WEIGHTS", "@acme/a=3"),
    ]);
    let in_variables = bare().environment(variables).build().unwrap();
    let in_code = bare()
        .set("pool.warm", vec![id("@acme/a")])
        .set("pool.on_cap", "reject")
        .set("pool.weights", "@acme/a=3")
        .build()
        .unwrap();
    for config in [&in_toml, &in_json, &in_variables, &in_code] {
        assert_eq!(config.pool().warm, [id("@acme/a")]);
        assert_eq!(config.pool().on_cap, OnCap::Reject);
        assert_eq!(config.pool().weights, BTreeMap::from([(id("@acme/a"), 3)]));
    }
    assert_eq!(shown(&in_toml, "pool.weights"), "@acme/a=3 (/etc/host.toml:4)");
}

#[test]
fn what_is_shown_as_toml_reads_back_equal() {
    let config = bare()
        .set("pool.warm", "acme/a,@acme/b")
        .set("pool.weights", "acme/a=3,@acme/b=1000")
        .set("pool.recycle_age", "none")
        .set("execution.plugin_dirs", "/a,/b")
        .set("log.filter", "a=debug")
        .build()
        .unwrap();
    let lines = config.settings().iter().filter_map(|setting| {
        let value = setting.value.as_ref()?;
        Some(format!("{} = {}\n", setting.field.key, value.to_toml()))
    });
    let again = RuntimeConfig::builder()
        .text("/again.toml", lines.collect::<String>(), Format::Toml)
        .build()
        .unwrap();
    for (setting, read) in config.settings().iter().zip(again.settings()) {
        assert_eq!(setting.value, read.value, "{}", setting.field.key);
    }
}

#[test]
fn a_bound_that_the_worker_pool_does_not_hold_is_noted() {
    let file = "[execution]\nmode = \"worker-pool\"\nmax_concurrent = 4\n";
    let config = toml(file).unwrap();
    assert_eq!(
        config.notes(),
        [
            "execution.max_concurrent (/etc/host.toml:3) does not apply to the worker pool: pool.max and pool.depth do"
        ]
    );
    assert!(toml(&file.replace("worker-pool", "subprocess")).unwrap().notes().is_empty());
    assert!(toml("[execution]\nmode = \"worker-pool\"").unwrap().notes().is_empty());
}
