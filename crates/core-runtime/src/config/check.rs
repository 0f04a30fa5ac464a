//! Checks of values together: what each row allows alone may not fit another row's value.
//! It reads no disk; whether a path exists is found when it is used.

use plugdock_contracts::document::nearest;

use super::fault::ConfigFault;
use super::layer::Given;
use super::provenance::Provenance;
use super::value::ConfigValue;

/// The values that hold, by key.
pub(super) trait Resolved {
    fn given(&self, key: &str) -> Option<&Given>;
}

/// Rows of which the first is less than the second, and why.
const LESS: &[(&str, &str, &str)] =
    &[("timeouts.slow_after", "timeouts.call", "an execution that slow is over its time already")];

/// Rows of which the first is at most the second, and why or what to do.
const AT_MOST: &[(&str, &str, &str)] = &[
    ("limits.payload", "limits.memory", "a payload that large cannot be held"),
    ("limits.stack", "limits.memory", "the stack is part of the memory"),
    ("limits.file_size", "limits.storage", "no file can be larger than all files together"),
    ("platform.cache.max_value", "platform.cache.max_bytes", "a value that large is never kept"),
    ("platform.cache.default_ttl", "platform.cache.max_ttl", "no value is kept longer than the longest time"),
    ("platform.state.max_value", "platform.state.max_total", "a value that large is never kept"),
    (
        "platform.storage.max_file",
        "platform.storage.max_total",
        "no file can be larger than all files together",
    ),
    ("platform.events.max_message", "platform.events.queue_bytes", "a message that large reaches nobody"),
    ("pool.min", "pool.max", "lower pool.min or raise pool.max"),
    ("pool.plugin_queue", "pool.queue", "no more than those of all plugins ever wait"),
    ("pool.tenant_queue", "pool.queue", "no more than those of all tenants ever wait"),
    ("pool.backoff_min", "pool.backoff_max", "lower pool.backoff_min or raise pool.backoff_max"),
    ("pool.quarantine", "pool.quarantine_max", "lower pool.quarantine or raise pool.quarantine_max"),
];

/// Every fault of values that do not fit together.
pub(super) fn check(values: &impl Resolved) -> Vec<ConfigFault> {
    let check = Check { values };
    let less = LESS.iter().filter_map(|(key, other, why)| check.below(key, other, true, why));
    let at_most = AT_MOST.iter().filter_map(|(key, other, why)| check.below(key, other, false, why));
    let others = [
        check.warm_once(),
        check.warm_fits(),
        check.needs_process("execution.spawner_program"),
        check.needs_process("execution.worker_program"),
        check.apart("execution.workspace_root", "platform.data_dir"),
    ];
    less.chain(at_most).chain(others.into_iter().flatten()).collect()
}

/// What was given and does not apply, in sentences.
pub(super) fn unused(values: &impl Resolved) -> Vec<String> {
    let mode = values.given("execution.mode").map(|given| &given.value);
    if mode != Some(&ConfigValue::Text("worker-pool".to_owned())) {
        return Vec::new();
    }
    [("execution.max_concurrent", "pool.max and pool.depth do"), ("execution.max_waiting", "pool.queue does")]
        .into_iter()
        .filter_map(|(key, instead)| {
            let origin = &values.given(key)?.origin;
            (*origin != Provenance::Default)
                .then(|| format!("{key} ({origin}) does not apply to the worker pool: {instead}"))
        })
        .collect()
}

struct Check<'v, V> {
    values: &'v V,
}

impl<V: Resolved> Check<'_, V> {
    /// `key` is at most `other`, or less when `strictly`. A fault stands where a person wrote one of the two, and names
    /// the other with its origin.
    fn below(&self, key: &str, other: &str, strictly: bool, why: &str) -> Option<ConfigFault> {
        let (given, bound) = (self.values.given(key)?, self.values.given(other)?);
        let order = order(&given.value, &bound.value)?;
        if order.is_lt() || (order.is_eq() && !strictly) {
            return None;
        }
        let by_bound = given.origin == Provenance::Default && bound.origin != Provenance::Default;
        let (at, place, relation, reference, name) = match (by_bound, strictly) {
            (false, true) => (key, given, "not less than", bound, other),
            (false, false) => (key, given, "more than", bound, other),
            (true, true) => (other, bound, "not more than", given, key),
            (true, false) => (other, bound, "less than", given, key),
        };
        let message = format!(
            "{} is {relation} {name}, which is {} ({})",
            place.value, reference.value, reference.origin
        );
        Some(fault(at, place, message, why))
    }

    /// Each plugin of `pool.warm` is named once.
    fn warm_once(&self) -> Option<ConfigFault> {
        let given = self.values.given("pool.warm")?;
        let ConfigValue::List(ids) = &given.value else { return None };
        let twice = ids.iter().enumerate().find(|(index, id)| ids[..*index].contains(id))?.1;
        Some(fault("pool.warm", given, format!("`{twice}` stands twice"), "keep one of them"))
    }

    /// The workers that `pool.warm` asks for have room.
    fn warm_fits(&self) -> Option<ConfigFault> {
        let warm = self.values.given("pool.warm")?;
        let (min, max) = (self.values.given("pool.min")?, self.values.given("pool.max")?);
        let (ConfigValue::List(ids), ConfigValue::Count(each), ConfigValue::Count(most)) =
            (&warm.value, &min.value, &max.value)
        else {
            return None;
        };
        let n_workers = each.saturating_mul(u64::try_from(ids.len()).unwrap_or(u64::MAX));
        if n_workers <= *most {
            return None;
        }
        let message = format!(
            "{n_workers} workers, pool.min {each} ({}) for each of {} plugins, are more than pool.max, which is {most} ({})",
            min.origin,
            ids.len(),
            max.origin
        );
        Some(fault("pool.warm", warm, message, "raise pool.max, lower pool.min or name fewer plugins"))
    }

    /// `key` means nothing when handlers run in the host's process.
    fn needs_process(&self, key: &str) -> Option<ConfigFault> {
        let (given, mode) = (self.values.given(key)?, self.values.given("execution.mode")?);
        if mode.value != ConfigValue::Text("in-process".to_owned()) {
            return None;
        }
        let message =
            format!("no process is started, because execution.mode is in-process ({})", mode.origin);
        Some(fault(key, given, message, "leave it out, or choose the mode subprocess or worker-pool"))
    }

    /// `key` is a folder that is cleaned; `other` is kept, and must not lie in it.
    fn apart(&self, key: &str, other: &str) -> Option<ConfigFault> {
        let (given, kept) = (self.values.given(key)?, self.values.given(other)?);
        let (ConfigValue::Path(cleaned), ConfigValue::Path(kept_path)) = (&given.value, &kept.value) else {
            return None;
        };
        if !kept_path.starts_with(cleaned) {
            return None;
        }
        let message = format!("{} holds {other}, which is {} ({})", given.value, kept.value, kept.origin);
        Some(fault(key, given, message, "leftovers are removed there; give it a folder of its own"))
    }
}

fn order(a: &ConfigValue, b: &ConfigValue) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (ConfigValue::Span(a), ConfigValue::Span(b)) => Some(a.cmp(b)),
        (ConfigValue::Size(a), ConfigValue::Size(b)) => Some(a.cmp(b)),
        (ConfigValue::Count(a), ConfigValue::Count(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn fault(key: &str, given: &Given, message: String, help: &str) -> ConfigFault {
    ConfigFault {
        origin: given.origin.clone(),
        span: given.span.clone(),
        key: key.to_owned(),
        message,
        help: Some(help.to_owned()),
    }
}

/// "Did you mean" for a key of the table.
pub(super) fn did_you_mean(key: &str) -> Option<String> {
    let close = nearest(key, super::table::FIELDS.iter().map(|field| field.key))?;
    Some(format!("did you mean `{close}`?"))
}
