//! Checks of values together: what each row allows alone may not fit another row's value.
//! It reads no disk; whether a path exists is found when it is used.

use plugdock_contracts::document::nearest;

use super::fault::ConfigFault;
use super::layer::Given;
use super::value::ConfigValue;

/// The values that hold, by key.
pub(super) trait Resolved {
    fn given(&self, key: &str) -> Option<&Given>;
}

/// Every fault of values that do not fit together.
pub(super) fn check(values: &impl Resolved) -> Vec<ConfigFault> {
    let check = Check { values };
    [
        check.below(
            "timeouts.slow_after",
            "timeouts.call",
            true,
            "an execution that slow is over its time already",
        ),
        check.below("limits.payload", "limits.memory", false, "a payload that large cannot be held"),
        check.below("limits.stack", "limits.memory", false, "the stack is part of the memory"),
        check.below(
            "limits.file_size",
            "limits.storage",
            false,
            "no file can be larger than all files together",
        ),
        check.below(
            "platform.cache.max_value",
            "platform.cache.max_bytes",
            false,
            "a value that large is never kept",
        ),
        check.below(
            "platform.cache.default_ttl",
            "platform.cache.max_ttl",
            false,
            "no value is kept longer than the longest time",
        ),
        check.below(
            "platform.state.max_value",
            "platform.state.max_total",
            false,
            "a value that large is never kept",
        ),
        check.below(
            "platform.storage.max_file",
            "platform.storage.max_total",
            false,
            "no file can be larger than all files together",
        ),
        check.below(
            "platform.events.max_message",
            "platform.events.queue_bytes",
            false,
            "a message that large reaches nobody",
        ),
        check.needs_process("execution.spawner_program"),
        check.needs_process("execution.worker_program"),
        check.apart("execution.workspace_root", "platform.data_dir"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Check<'v, V> {
    values: &'v V,
}

impl<V: Resolved> Check<'_, V> {
    /// `key` is at most `other`, or less when `strictly`.
    fn below(&self, key: &str, other: &str, strictly: bool, why: &str) -> Option<ConfigFault> {
        let (given, bound) = (self.values.given(key)?, self.values.given(other)?);
        let order = order(&given.value, &bound.value)?;
        if order.is_lt() || (order.is_eq() && !strictly) {
            return None;
        }
        let relation = if strictly { "not less than" } else { "more than" };
        let message =
            format!("{} is {relation} {other}, which is {} ({})", given.value, bound.value, bound.origin);
        Some(fault(key, given, message, why))
    }

    /// `key` means nothing when handlers run in the host's process.
    fn needs_process(&self, key: &str) -> Option<ConfigFault> {
        let (given, mode) = (self.values.given(key)?, self.values.given("execution.mode")?);
        if mode.value != ConfigValue::Text("in-process".to_owned()) {
            return None;
        }
        let message =
            format!("no process is started, because execution.mode is in-process ({})", mode.origin);
        Some(fault(key, given, message, "leave it out, or choose the mode subprocess"))
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
