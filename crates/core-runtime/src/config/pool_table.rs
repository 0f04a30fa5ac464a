//! The rows of `pool.*`: a part of the table of all configuration values.
//! The defaults are the factory's own, which a test compares; what a value does is the worker pool's business.

use std::time::Duration;

use plugdock_contracts::{ByteSize, PluginId};

use super::field::{Field, Kind, Preset, field};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(24 * 365);

/// As many workers as the factory accepts.
const MOST_WORKERS: u64 = 4096;
/// As many waiting requests as the factory accepts.
const MOST_WAITING: u64 = 1 << 24;
/// As many calls on one worker as the factory accepts.
const MOST_DEPTH: u64 = 1024;

const WAITING: Kind = Kind::Count(0, MOST_WAITING);
/// Calls that run at a time; more than the largest pool can run would be a slip of the keyboard.
const CALLS: Kind = Kind::Count(1, MOST_WORKERS * MOST_DEPTH);
const SIZE: Kind = Kind::Size(ByteSize::from_bytes(1), ByteSize::from_bytes(1 << 50));
/// What repeats with this pause must leave the machine time for other work.
const PERIOD: Kind = Kind::Span(Duration::from_millis(10), DAY);

/// The rows of the worker pool.
pub(super) const POOL: &[Field] = &[
    field(
        "pool.min",
        Kind::Count(0, MOST_WORKERS),
        Preset::Value("2"),
        "Workers that are kept when there is nothing to do: so many of each plugin in `pool.warm`, and so many in all. Zero lets the last one go after `pool.idle_after`.",
    ),
    field(
        "pool.max",
        Kind::Count(1, MOST_WORKERS),
        Preset::Value("10"),
        "Workers at one time, of all plugins together; further requests wait, at most `timeouts.acquire`.",
    ),
    field(
        "pool.depth",
        Kind::Count(1, MOST_DEPTH),
        Preset::Value("1"),
        "Calls on one worker at one time, for handlers that declare themselves concurrent; the others have a worker to themselves.",
    ),
    field(
        "pool.warm",
        Kind::List(plugin_id),
        Preset::Value(""),
        "Plugins whose workers are started with the pool, `pool.min` of each, by their ids.",
    ),
    field(
        "pool.queue",
        WAITING,
        Preset::Value("100"),
        "Requests that wait at one time; one more is `QUEUE_FULL`. Zero lets none wait.",
    ),
    field(
        "pool.queue_bytes",
        SIZE,
        Preset::Value("64MiB"),
        "Input that waits at one time, all requests together.",
    ),
    field(
        "pool.plugin_queue",
        Kind::OrNone(&WAITING),
        Preset::Absent("as many as `pool.queue`"),
        "Requests of one plugin that wait at one time.",
    ),
    field(
        "pool.tenant_queue",
        Kind::OrNone(&WAITING),
        Preset::Absent("as many as `pool.queue`"),
        "Requests of one tenant that wait at one time.",
    ),
    field(
        "pool.plugin_concurrency",
        Kind::OrNone(&CALLS),
        Preset::Absent("no bound but `pool.max`"),
        "Calls of one plugin that run at one time.",
    ),
    field(
        "pool.tenant_concurrency",
        Kind::OrNone(&CALLS),
        Preset::Absent("no bound but `pool.max`"),
        "Calls of one tenant that run at one time.",
    ),
    field(
        "pool.on_cap",
        Kind::Word(&["wait", "reject"]),
        Preset::Value("wait"),
        "What happens to a request beyond `pool.plugin_concurrency` or `pool.tenant_concurrency`: it waits in the queue, or is refused with `QUEUE_FULL`.",
    ),
    field(
        "pool.weights",
        Kind::Weights(1, 1000),
        Preset::Value(""),
        "Shares of plugins when there are not workers enough for all; a plugin that is not named has 1.",
    ),
    field(
        "pool.turn",
        Kind::Span(MILLISECOND, HOUR),
        Preset::Value("50ms"),
        "Run time for which a plugin of weight 1 keeps a worker that others wait for.",
    ),
    field(
        "pool.age_after",
        Kind::Span(MILLISECOND, DAY),
        Preset::Value("1s"),
        "Wait after which a request counts as one priority higher, so that none waits for ever.",
    ),
    field(
        "pool.recycle_calls",
        Kind::OrNone(&Kind::Count(1, 1 << 31)),
        Preset::Value("1000"),
        "Calls after which a worker is replaced.",
    ),
    field(
        "pool.recycle_age",
        Kind::OrNone(&Kind::Span(MILLISECOND, YEAR)),
        Preset::Value("30m"),
        "Age after which a worker is replaced, when its calls have ended.",
    ),
    field(
        "pool.recycle_memory",
        Kind::OrNone(&SIZE),
        Preset::Absent("memory is no reason to replace a worker"),
        "Resident memory above which a worker is replaced, between calls.",
    ),
    field(
        "pool.recycle_jitter",
        Kind::Count(0, 90),
        Preset::Value("10"),
        "How far the three `recycle` values differ from worker to worker, in per cent downwards, so that workers do not all come due at once.",
    ),
    field(
        "pool.idle_after",
        Kind::Span(MILLISECOND, YEAR),
        Preset::Value("1m"),
        "Time without a call after which a worker above `pool.min` is sent away.",
    ),
    field(
        "pool.retire_within",
        Kind::Span(Duration::ZERO, HOUR),
        Preset::Value("2s"),
        "Time from a worker's goodbye to its kill. Zero kills at once.",
    ),
    field("pool.health_every", PERIOD, Preset::Value("10s"), "Time between two health checks of a worker."),
    field(
        "pool.health_within",
        Kind::Span(MILLISECOND, HOUR),
        Preset::Value("5s"),
        "Time a worker has to answer a health check; past it the worker is replaced.",
    ),
    field(
        "pool.crash_limit",
        Kind::Count(1, 10_000),
        Preset::Value("5"),
        "Unexpected ends of a plugin's workers, failed starts included, within `pool.crash_window`, with which the plugin is quarantined (`QUARANTINED`).",
    ),
    field(
        "pool.crash_window",
        Kind::Span(MILLISECOND, DAY),
        Preset::Value("1m"),
        "Time in which `pool.crash_limit` counts.",
    ),
    field(
        "pool.backoff_min",
        Kind::Span(MILLISECOND, DAY),
        Preset::Value("100ms"),
        "Pause before the next start after a first unexpected end; it doubles with each further one.",
    ),
    field("pool.backoff_max", Kind::Span(MILLISECOND, DAY), Preset::Value("10s"), "Longest such pause."),
    field(
        "pool.quarantine",
        Kind::Span(MILLISECOND, YEAR),
        Preset::Value("30s"),
        "How long a plugin is quarantined before one worker is tried; it doubles when that fails too.",
    ),
    field("pool.quarantine_max", Kind::Span(MILLISECOND, YEAR), Preset::Value("10m"), "Longest quarantine."),
    field(
        "pool.reload_check",
        Kind::Span(Duration::ZERO, HOUR),
        Preset::Value("1s"),
        "How old what is known of a plugin's files may be before they are looked at again. Zero looks each time.",
    ),
];

/// An item of `pool.warm`.
fn plugin_id(text: &str) -> Result<(), &'static str> {
    PluginId::new(text).map(drop).map_err(|error| error.reason)
}
