//! The table of all configuration values: parsing, `config show` and `docs/configuration.md` are driven by it.
//! It is data; the plugins' own tables are not in it, because each plugin says what is in its own.

use std::time::Duration;

use plugdock_contracts::ByteSize;

use super::field::{Field, Kind, Preset, field};
use super::pool_table::POOL;

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A size from one byte on: for limits, where the host's own ceiling is applied by the kernel.
const SIZE: Kind = Kind::Size(ByteSize::from_bytes(1), ByteSize::from_bytes(1 << 50));
/// What the kernel counts in 32 bits.
const COUNT: Kind = Kind::Count(1, 1 << 22);
/// What a service counts; a service refuses what it cannot hold.
const NUMBER: Kind = Kind::Count(1, 1 << 31);
const TTL: Kind = Kind::Span(MILLISECOND, Duration::from_hours(24 * 365));
const UNLIMITED: Preset = Preset::Absent("no limit beyond the plugin's own");

/// The modes of `execution.mode`.
pub(crate) const MODES: &[&str] = &["auto", "in-process", "subprocess", "worker-pool"];

/// The profiles of `execution.profile`.
pub(crate) const PROFILES: &[&str] = &["strongest", "trusted", "restricted"];

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// Every value but the plugins' tables, in the order in which they are shown.
pub const FIELDS: &[Field] =
    &joined::<{ EXECUTION.len() + POOL.len() + OTHERS.len() }>([EXECUTION, POOL, OTHERS]);

/// How executions run.
const EXECUTION: &[Field] = &[
    field(
        "execution.mode",
        Kind::Word(MODES),
        Preset::Value("auto"),
        "Which backend runs executions. `auto` takes `subprocess` where worker processes can be started, else `in-process` if plugins are linked into the host, and never `worker-pool`; see below. `worker-pool` keeps workers between executions, as `pool` says.",
    ),
    field(
        "execution.profile",
        Kind::Word(PROFILES),
        Preset::Value("strongest"),
        "How much workers are isolated. `trusted` leaves them the rights of the host's user; under `restricted` the kernel leaves them what the manifest grants, and a machine that cannot hold that is refused with `INSUFFICIENT_ISOLATION`. `strongest` takes the strongest that the machine can hold; `plugdock doctor` says which.",
    ),
    field(
        "execution.spawner_program",
        Kind::Path,
        Preset::Absent("the host's own program is started again as the spawner"),
        "Program that starts workers, instead of the host's own.",
    ),
    field(
        "execution.worker_program",
        Kind::Path,
        Preset::Absent("the plugin's own program, or the host's for linked plugins"),
        "Program that runs as the worker of linked plugins.",
    ),
    field(
        "execution.max_concurrent",
        Kind::Count(1, 65_536),
        Preset::Value("10"),
        "Executions that run at one time; further ones wait, at most `timeouts.acquire`. In the mode `worker-pool` it does not apply: `pool.max` and `pool.depth` do.",
    ),
    field(
        "execution.max_waiting",
        Kind::Count(0, 1 << 20),
        Preset::Value("100"),
        "Executions that wait at one time; one more is `QUEUE_FULL`. In the mode `worker-pool` it does not apply: `pool.queue` does.",
    ),
    field(
        "execution.plugin_dirs",
        Kind::PathList,
        Preset::Value(""),
        "Folders whose sub-folders are plugins, known to the backend by their ids.",
    ),
    field(
        "execution.workspace_root",
        Kind::Path,
        Preset::Derived("`workspaces` in `platform.data_dir`"),
        "Folder in which workspaces are made and removed.",
    ),
    field(
        "execution.handshake",
        Kind::Span(Duration::from_millis(10), HOUR),
        Preset::Value("10s"),
        "Time in which a started worker must introduce itself.",
    ),
];

/// What follows the worker pool.
const OTHERS: &[Field] = &[
    field(
        "timeouts.acquire",
        Kind::Span(Duration::ZERO, DAY),
        Preset::Value("5s"),
        "Wait for a worker or a slot; past it the code is `ACQUIRE_TIMEOUT`. Zero does not wait.",
    ),
    field(
        "timeouts.call",
        Kind::Span(MILLISECOND, Duration::from_hours(24 * 365)),
        Preset::Value("30s"),
        "Run time of a handler; past it the code is `TIMEOUT`.",
    ),
    field(
        "timeouts.grace",
        Kind::Span(Duration::ZERO, HOUR),
        Preset::Value("500ms"),
        "Time between the request to stop and the kill. Zero kills at once.",
    ),
    field(
        "timeouts.slow_after",
        Kind::Span(MILLISECOND, DAY),
        Preset::Absent("nothing is reported as slow"),
        "Run time after which an execution is reported as slow; it goes on.",
    ),
    field("limits.memory", SIZE, UNLIMITED, "Memory of one worker."),
    field(
        "limits.cpu_time",
        Kind::Span(MILLISECOND, Duration::from_hours(24 * 365)),
        UNLIMITED,
        "CPU time of one process of a worker, user and system together.",
    ),
    field("limits.cpu", Kind::Share, UNLIMITED, "Share of the machine's CPU."),
    field("limits.processes", COUNT, UNLIMITED, "Processes and threads of one worker."),
    field("limits.open_files", COUNT, UNLIMITED, "Open descriptors of one process."),
    field("limits.file_size", SIZE, UNLIMITED, "Largest file a worker may write."),
    field("limits.stack", SIZE, UNLIMITED, "Stack of a process's first thread."),
    field("limits.storage", SIZE, UNLIMITED, "Workspace and artifacts of one execution together."),
    field(
        "limits.output",
        SIZE,
        Preset::Absent("the plugin\'s own, or 4MiB"),
        "Standard output and error that is kept as log lines; what is over is read and dropped.",
    ),
    field(
        "limits.payload",
        SIZE,
        Preset::Absent("the plugin's own, or 64MiB"),
        "Largest input, result or stream chunk.",
    ),
    field("limits.connections", COUNT, UNLIMITED, "Network connections at one time, through the host."),
    field(
        "platform.data_dir",
        Kind::Path,
        Preset::Derived("`plugdock` in `XDG_DATA_HOME`, else `.local/share/plugdock` in `HOME`"),
        "Folder of what the platform's services keep.",
    ),
    field(
        "platform.service_timeout",
        Kind::Span(MILLISECOND, HOUR),
        Preset::Value("10s"),
        "Time in which each service must start, and in which it must stop.",
    ),
    field("platform.cache.max_bytes", SIZE, Preset::Value("64MiB"), "All entries of the cache together."),
    field("platform.cache.max_value", SIZE, Preset::Value("1MiB"), "Largest value in the cache."),
    field(
        "platform.cache.default_ttl",
        TTL,
        Preset::Value("5m"),
        "How long a value is kept when its writer does not say.",
    ),
    field("platform.cache.max_ttl", TTL, Preset::Value("1d"), "How long a value is kept at most."),
    field(
        "platform.state.store",
        Kind::Word(&["disk", "memory", "off"]),
        Preset::Value("disk"),
        "Where plugins' state is kept. `disk` is the file `state.redb` in `platform.data_dir`, which one process at a time may open; `memory` ends with the host; `off` gives none.",
    ),
    field(
        "platform.state.max_entries",
        NUMBER,
        Preset::Value("10000"),
        "Entries of one plugin for one tenant.",
    ),
    field("platform.state.max_total", SIZE, Preset::Value("16MiB"), "State of one plugin for one tenant."),
    field("platform.state.max_value", SIZE, Preset::Value("1MiB"), "Largest value in the state."),
    field(
        "platform.state.operations_per_minute",
        NUMBER,
        Preset::Value("6000"),
        "Operations of one plugin for one tenant in a minute.",
    ),
    field(
        "platform.storage.store",
        Kind::Word(&["disk", "off"]),
        Preset::Value("disk"),
        "Where plugins' files are kept. `disk` is the folder `storage` in `platform.data_dir`; `off` gives none.",
    ),
    field("platform.storage.max_file", SIZE, Preset::Value("16MiB"), "Largest file in the storage."),
    field(
        "platform.storage.max_total",
        SIZE,
        Preset::Value("256MiB"),
        "Files of one plugin for one tenant together.",
    ),
    field(
        "platform.storage.max_files",
        NUMBER,
        Preset::Value("10000"),
        "Files of one plugin for one tenant.",
    ),
    field("platform.events.max_subscriptions", NUMBER, Preset::Value("4096"), "Subscriptions at one time."),
    field("platform.events.max_message", SIZE, Preset::Value("64KiB"), "Largest message."),
    field(
        "platform.events.queue_messages",
        NUMBER,
        Preset::Value("256"),
        "Messages that wait for one subscriber; then the oldest is dropped and counted.",
    ),
    field(
        "platform.events.queue_bytes",
        SIZE,
        Preset::Value("1MiB"),
        "Bytes that wait for one subscriber; then the oldest are dropped and counted.",
    ),
    field(
        "log.level",
        Kind::Word(LEVELS),
        Preset::Value("warn"),
        "Least important lines that the host's own log shows.",
    ),
    field(
        "log.filter",
        Kind::List(directive),
        Preset::Value(""),
        "Exceptions from `log.level` for parts of the program, each as `target=level`.",
    ),
    field(
        "log.format",
        Kind::Word(&["text", "json", "none"]),
        Preset::Value("text"),
        "How the host's own log is written to standard error. `none` installs no subscriber: the host brings its own.",
    ),
    field(
        "log.handlers",
        Kind::Word(&["include", "omit"]),
        Preset::Value("include"),
        "Whether handlers' log lines are written to the host's own log too. Callers get them in both cases.",
    ),
    field(
        "shutdown.drain",
        Kind::Span(Duration::ZERO, DAY),
        Preset::Value("10s"),
        "Time in which running executions may finish when the host stops; then they are cancelled and killed.",
    ),
];

/// The parts one after another; `N` rows together.
const fn joined<const N: usize>(parts: [&[Field]; 3]) -> [Field; N] {
    let mut rows = [parts[0][0]; N];
    let (mut n_rows, mut part) = (0, 0);
    while part < parts.len() {
        let mut row = 0;
        while row < parts[part].len() {
            rows[n_rows] = parts[part][row];
            (n_rows, row) = (n_rows + 1, row + 1);
        }
        part += 1;
    }
    rows
}

/// An item of `log.filter`.
fn directive(text: &str) -> Result<(), &'static str> {
    let is_target = |target: &str| {
        !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || "_:-".contains(c))
    };
    match text.split_once('=') {
        Some((target, level)) if is_target(target) && LEVELS.contains(&level) => Ok(()),
        _ => Err("write a target and a level, for example plugdock_execution_factory=debug"),
    }
}

/// The row of a key.
pub(super) fn find(key: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.key == key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_and_variables_are_unique() {
        let keys: HashSet<_> = FIELDS.iter().map(|field| field.key).collect();
        let variables: HashSet<_> = FIELDS.iter().map(Field::variable).collect();
        assert_eq!((keys.len(), variables.len()), (FIELDS.len(), FIELDS.len()));
    }

    #[test]
    fn every_default_is_acceptable() {
        for field in FIELDS {
            if let Preset::Value(text) = field.preset {
                assert!(field.kind.parse(text).is_ok(), "{}: {text}", field.key);
            }
        }
    }

    #[test]
    fn rows_of_one_section_stand_together() {
        let mut seen: Vec<&str> = Vec::new();
        for field in FIELDS {
            let (section, _) = field.key.rsplit_once('.').unwrap();
            if seen.last() != Some(&section) {
                assert!(!seen.contains(&section), "{section} comes twice");
                seen.push(section);
            }
        }
    }
}
