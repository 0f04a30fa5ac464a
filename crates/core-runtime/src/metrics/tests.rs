//! The text of a backend's numbers, read back by a strict parser of the rules it must follow.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect_file;
use plugdock_contracts::stats::{BackendStats, Distribution, PluginStats, PoolStats};
use plugdock_contracts::worker::{WorkerState, WorkerStatus};
use plugdock_contracts::{BackendKind, PluginId, WorkerId};

use super::openmetrics;

/// Names and values, unescaped.
type Labels = Vec<(String, String)>;

/// Samples as written, by name and labels, the labels sorted.
type Samples = BTreeMap<(String, Labels), String>;

#[derive(Default)]
struct Family {
    name: String,
    of: String,
    unit: Option<String>,
    help: Option<String>,
    /// The metrics so far, the last of which is open: metrics may not be interleaved.
    metrics: Vec<Labels>,
}

/// Reads a text and refuses what the rules refuse.
fn parse(text: &str) -> Result<Samples, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("it does not end with `# EOF`")?;
    let mut families: Vec<Family> = Vec::new();
    let mut samples = Samples::new();
    for line in body.split_terminator('\n') {
        let mut read = || match line.strip_prefix("# ") {
            Some(metadata) => describe(&mut families, metadata),
            None => sample(families.last_mut().ok_or("a sample before any family")?, &mut samples, line),
        };
        read().map_err(|fault| format!("{fault}: {line}"))?;
    }
    no_clash(&families)?;
    Ok(samples)
}

fn describe(families: &mut Vec<Family>, metadata: &str) -> Result<(), String> {
    let parts: Vec<&str> = metadata.splitn(3, ' ').collect();
    let [what, name, text] = parts[..] else { return Err("metadata without a value".into()) };
    if what == "TYPE" {
        if families.iter().any(|family| family.name == name) {
            return Err("a family twice".into());
        }
        if !is_name(name) || !["counter", "gauge", "info", "summary"].contains(&text) {
            return Err("no name or no type".into());
        }
        families.push(Family { name: name.into(), of: text.into(), ..Family::default() });
        return Ok(());
    }
    let family =
        families.last_mut().filter(|family| family.name == name).ok_or("another family's metadata")?;
    if !family.metrics.is_empty() {
        return Err("metadata after samples".into());
    }
    match what {
        "UNIT" if name.ends_with(&format!("_{text}")) && family.help.is_none() => {
            family.unit = Some(text.into());
        }
        "HELP" if !text.is_empty() => {
            unescaped(text)?;
            family.help = Some(text.into());
        }
        _ => return Err("unknown metadata, a unit that does not end the name, or no help".into()),
    }
    Ok(())
}

fn sample(family: &mut Family, samples: &mut Samples, line: &str) -> Result<(), String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, rest) = line.split_at(end);
    let (mut labels, value) = match rest.strip_prefix('{') {
        Some(rest) => parse_labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = value.strip_prefix(' ').ok_or("no space before the value")?;
    let suffix = name.strip_prefix(&family.name).ok_or("a sample of no declared family")?;
    let suffixes: &[&str] = match family.of.as_str() {
        "counter" => &["_total"],
        "info" => &["_info"],
        "summary" => &["_count", "_sum", ""],
        _ => &[""],
    };
    if !suffixes.contains(&suffix) || family.help.is_none() {
        return Err("a suffix that its type does not have, or a family without help".into());
    }
    let number: f64 = value.parse().map_err(|_no_number| "no number")?;
    let is_whole = value.bytes().all(|byte| byte.is_ascii_digit());
    let has_point = value.contains(['.', 'e']) || !number.is_finite();
    if !is_whole && (suffix == "_count" || !has_point) {
        return Err("a number of the wrong form".into());
    }
    let cumulative = ["_total", "_count", "_sum"].contains(&suffix);
    if cumulative && (number.is_nan() || number < 0.0) {
        return Err("a count or sum that is none".into());
    }
    let is_quantile = labels.iter().any(|(label, _)| label == "quantile");
    if is_quantile != (family.of == "summary" && suffix.is_empty()) {
        return Err("a quantile that is none".into());
    }
    labels.sort();
    let metric: Vec<_> = labels.iter().filter(|(label, _)| label != "quantile").cloned().collect();
    if family.metrics.last() != Some(&metric) {
        if family.metrics.contains(&metric) {
            return Err("an interleaved metric".into());
        }
        family.metrics.push(metric);
    }
    match samples.insert((name.into(), labels), value.into()) {
        Some(_) => Err("a sample twice".into()),
        None => Ok(()),
    }
}

/// Reads `a="b",c="d"} …` to the brace.
fn parse_labels(mut rest: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        if !is_name(name) || name.contains(':') || labels.iter().any(|(label, _)| label == name) {
            return Err("a label's name that is none, or twice".into());
        }
        let mut is_escape = false;
        let end = after.find(|c| {
            let ends = c == '"' && !is_escape;
            is_escape = c == '\\' && !is_escape;
            ends
        });
        let (value, after) = after.split_at(end.ok_or("an open quote")?);
        labels.push((name.into(), unescaped(value)?));
        match after[1..].split_at_checked(1) {
            Some((",", next)) => rest = next,
            Some(("}", next)) => return Ok((labels, next)),
            _ => return Err("neither `,` nor `}` after a label".into()),
        }
    }
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(match (c, if c == '\\' { characters.next() } else { None }) {
            ('\\', Some('n')) => '\n',
            ('\\', Some(escaped @ ('"' | '\\'))) => escaped,
            ('\\' | '"', _) => return Err("a wrong escape".into()),
            (other, _) => other,
        });
    }
    Ok(plain)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

/// No two families may be able to have a sample of the same name.
fn no_clash(families: &[Family]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for family in families {
        let suffixes: &[&str] = match family.of.as_str() {
            "counter" => &["", "_total", "_created"],
            "info" => &["", "_info"],
            "summary" => &["", "_count", "_sum", "_created"],
            _ => &[""],
        };
        for suffix in suffixes {
            if !names.insert(format!("{}{suffix}", family.name)) {
                return Err(format!("{} clashes with another family", family.name));
            }
        }
    }
    Ok(())
}

fn times(count: u64, mean: f64, quantiles: [u64; 3]) -> Distribution {
    let mut times = Distribution::default();
    (times.count, times.mean) = (count, mean);
    [times.p50, times.p95, times.p99] = quantiles;
    times
}

fn worker(plugin: &str, state: WorkerState, running: usize, resident_bytes: Option<u64>) -> WorkerStatus {
    let mut status = WorkerStatus::new(WorkerId::generate(), PluginId::new(plugin).unwrap(), "linked", state);
    (status.running, status.resident_bytes) = (running, resident_bytes);
    status
}

fn full() -> (BackendStats, Vec<WorkerStatus>) {
    let mut plugin = PluginStats::default();
    (plugin.succeeded, plugin.failed) = (5, 3);
    plugin.failed_by_code = BTreeMap::from([("TIMEOUT".into(), 2), ("WORKER_CRASHED".into(), 1)]);
    plugin.run = times(7, 2000.0, [1500, 4000, 4000]);
    let mut pool = PoolStats::default();
    (pool.min, pool.max) = (2, 10);
    (pool.starting, pool.idle, pool.busy, pool.draining) = (1, 2, 3, 0);
    (pool.queue_limit, pool.queued_bytes, pool.queued_bytes_limit) = (100, 2048, 64 << 20);
    (pool.queue_full, pool.utilisation) = (4, 0.25);
    pool.recycled = BTreeMap::from([("calls".into(), 6), ("idle".into(), 1)]);
    (pool.health_failed, pool.start_failed, pool.redispatched, pool.retried) = (1, 2, 3, 4);
    pool.quarantined = vec!["acme/b".into(), "acme/b".into()];
    let mut stats = BackendStats::default();
    (stats.started, stats.succeeded, stats.failed) = (12, 5, 4);
    stats.failed_by_code = BTreeMap::from([("QUEUE_FULL".into(), 1), ("TIMEOUT".into(), 3)]);
    (stats.running, stats.waiting, stats.abandoned) = (3, 1, 0);
    (stats.spawned, stats.crashed, stats.workers) = (9, 1, 6);
    stats.queue = times(8, 125.0, [100, 200, 250]);
    stats.spawn = times(9, 12_000.0, [11_000, 20_000, 20_000]);
    stats.run = times(7, 2000.0, [1500, 4000, 4000]);
    stats.total = times(9, 1_000_000.0, [900_000, 60_000_000, 3_600_000_000]);
    stats.by_plugin = BTreeMap::from([("acme/a".into(), plugin)]);
    stats.pool = Some(pool);
    let workers = vec![
        worker("acme/b", WorkerState::Starting, 0, None),
        worker("acme/a", WorkerState::Busy, 2, Some(1 << 20)),
        worker("acme/a", WorkerState::Idle, 0, Some(3 << 20)),
    ];
    (stats, workers)
}

#[test]
fn a_pools_numbers_are_told_in_full() {
    let (stats, workers) = full();
    let text = openmetrics(&stats, &workers, BackendKind::WorkerPool);
    parse(&text).unwrap();
    expect_file!["./full_example.txt"].assert_eq(&text);
}

#[test]
fn without_a_pool_nothing_of_a_pool_is_told() {
    let text = openmetrics(&BackendStats::default(), &[], BackendKind::InProcess);
    let samples = parse(&text).unwrap();
    assert!(!text.contains("pool"), "{text}");
    assert_eq!(samples[&("plugdock_backend_info".into(), vec![("kind".into(), "in-process".into())])], "1");
    // Without values there is no quantile, and the count says so.
    let quantile = ("plugdock_run_seconds".into(), vec![("quantile".into(), "0.5".into())]);
    assert_eq!(samples[&quantile], "NaN");
    assert_eq!(samples[&("plugdock_run_seconds_count".into(), Vec::new())], "0");
}

#[test]
fn hostile_labels_stay_inside_their_quotes() {
    let hostile = "a\"} 1\n# EOF\nx{y=\"\\n\\";
    let mut plugin = PluginStats::default();
    plugin.failed_by_code = BTreeMap::from([(hostile.into(), 2), (String::new(), 3)]);
    let (mut stats, _) = full();
    stats.failed_by_code = BTreeMap::from([(hostile.into(), 7)]);
    stats.by_plugin = BTreeMap::from([(hostile.into(), plugin)]);
    let pool = stats.pool.as_mut().unwrap();
    pool.recycled = BTreeMap::from([(hostile.into(), 8)]);
    pool.quarantined = vec![hostile.into()];
    let samples = parse(&openmetrics(&stats, &[], BackendKind::WorkerPool)).unwrap();
    let of = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(label, value)| ((*label).into(), (*value).into())).collect();
        samples[&(name.to_owned(), labels)].as_str()
    };
    assert_eq!(of("plugdock_executions_failed_total", &[("code", hostile)]), "7");
    assert_eq!(of("plugdock_plugin_executions_failed_total", &[("code", hostile), ("plugin", hostile)]), "2");
    assert_eq!(of("plugdock_workers_recycled_total", &[("reason", hostile)]), "8");
    assert_eq!(of("plugdock_plugin_quarantined", &[("plugin", hostile)]), "1");
}

#[test]
fn numbers_that_are_none_make_no_invalid_text() {
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e-300, 1e300] {
        let (mut stats, _) = full();
        stats.run = times(u64::MAX, odd, [u64::MAX; 3]);
        stats.pool.as_mut().unwrap().utilisation = odd;
        parse(&openmetrics(&stats, &[], BackendKind::WorkerPool)).unwrap();
    }
}

/// The parser is only worth its answers if it refuses.
#[test]
fn the_parser_refuses_what_the_rules_refuse() {
    let (stats, workers) = full();
    let text = openmetrics(&stats, &workers, BackendKind::WorkerPool);
    let swapped = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    for (what, broken) in [
        ("no end", swapped("# EOF\n", "")),
        ("a suffix", swapped("plugdock_executions_started_total", "plugdock_executions_started")),
        ("an undeclared family", swapped("plugdock_workers 6", "plugdock_walkers 6")),
        (
            "a unit that is no ending",
            swapped("UNIT plugdock_run_seconds seconds", "UNIT plugdock_run_seconds ms"),
        ),
        ("an open quote", swapped("code=\"TIMEOUT\"", "code=\"TIMEOUT")),
        ("a raw quote", swapped("code=\"TIMEOUT\"", "code=\"TIME\"OUT\"")),
        ("a sample twice", swapped("code=\"QUEUE_FULL\"", "code=\"TIMEOUT\"")),
        ("a family twice", swapped("# EOF\n", "# TYPE plugdock_workers gauge\n# EOF\n")),
        ("a clash", swapped("# EOF\n", "# TYPE plugdock_run_seconds_count gauge\n# EOF\n")),
        ("a float for a count", swapped("plugdock_run_seconds_count 7", "plugdock_run_seconds_count 7.0")),
    ] {
        assert!(parse(&broken).is_err(), "{what} was accepted");
    }
}
