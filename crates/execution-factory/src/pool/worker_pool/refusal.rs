//! What a request that gets no worker is told: the one place where the scheduler's words become an execution's error.

use std::time::Duration;

use plugdock_contracts::PluginId;
use plugdock_contracts::error::{ErrorCode, ExecutionError, Resource, Step};
use plugdock_contracts::span::format_span;

use super::desk::NotGranted;
use super::scheduler::{Refused, WhyNot};
use crate::engine::NoSeat;
use crate::pool::queue::{Full, Part, Ticket};

/// A request that was in the queue and gets no worker.
pub(crate) fn not_granted(plugin: &PluginId, ticket: Ticket, acquire: Duration, not: NotGranted) -> NoSeat {
    NoSeat::Failed(match not.why {
        WhyNot::Waited(_) => {
            let message = format!("no worker became free for `{plugin}` within {}", format_span(acquire));
            ExecutionError::new(ErrorCode::AcquireTimeout, message)
                .with_step(Step::Queue)
                .with_limit(acquire)
                .with_help("raise pool.max or timeouts.acquire, or send fewer requests at once")
        }
        WhyNot::StartFailed(_) => not.error.unwrap_or_else(|| {
            let message = format!("the worker that was started for `{plugin}` ended before it was ready");
            ExecutionError::new(ErrorCode::SpawnFailed, message).with_step(Step::Spawn)
        }),
        WhyNot::Quarantined { exits, retry_after } => quarantined(plugin, &exits, retry_after),
        WhyNot::Stale => return NoSeat::Stale { place: ticket.0 },
        WhyNot::ShuttingDown => shutting_down(),
    })
}

/// A request that was not taken in.
pub(crate) fn refused(plugin: &PluginId, ticket: Ticket, refused: Refused) -> NoSeat {
    NoSeat::Failed(match refused {
        Refused::Full { full, retry_after } => queue_full(plugin, &full, retry_after),
        Refused::Quarantined { exits, retry_after } => quarantined(plugin, &exits, retry_after),
        Refused::TooManyNested { limit } => {
            let message = format!("{limit} workers run nested executions already, beyond the pool's bounds");
            ExecutionError::new(ErrorCode::ResourceExhausted, message).with_resource(Resource::InvokeDepth)
        }
        Refused::Stale => return NoSeat::Stale { place: ticket.0 },
        Refused::ShuttingDown => shutting_down(),
    })
}

fn shutting_down() -> ExecutionError {
    ExecutionError::new(ErrorCode::ShuttingDown, "the backend is stopping")
}

fn quarantined(plugin: &PluginId, exits: &[String], retry_after: Duration) -> ExecutionError {
    let last = exits.last().map_or("", String::as_str);
    let message = format!("workers of `{plugin}` ended unexpectedly too often; the last one: {last}");
    ExecutionError::new(ErrorCode::Quarantined, message)
        .with_chain(exits.iter().rev().cloned().collect())
        .with_retry_after(retry_after)
        .with_details(serde_json::json!({ "exits": exits }))
        .with_help("mend the plugin; it is tried again by itself, and a new program is tried at once")
}

fn queue_full(plugin: &PluginId, full: &Full, retry_after: Duration) -> ExecutionError {
    let Full { part, waiting, limit } = full;
    let (message, what) = match part {
        Part::Count => (format!("{waiting} requests wait already, the limit is {limit}"), "requests"),
        Part::Bytes => (format!("{waiting} bytes of input wait already, the limit is {limit}"), "bytes"),
        Part::Plugin => (
            format!("{waiting} requests of `{plugin}` wait already, the limit is {limit}"),
            "requests of the plugin",
        ),
        Part::Tenant => (
            format!("{waiting} requests of this tenant wait already, the limit is {limit}"),
            "requests of the tenant",
        ),
        Part::PluginCap => (
            format!("{waiting} calls of `{plugin}` run already, the limit is {limit}"),
            "calls of the plugin",
        ),
        Part::TenantCap => (
            format!("{waiting} calls of this tenant run already, the limit is {limit}"),
            "calls of the tenant",
        ),
    };
    ExecutionError::new(ErrorCode::QueueFull, message)
        .with_step(Step::Queue)
        .with_retry_after(retry_after)
        .with_details(serde_json::json!({ "waiting": waiting, "limit": limit, "of": what }))
}
