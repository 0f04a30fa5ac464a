//! Which grant a call needs: one exhaustive match, so that a new call cannot be forgotten.

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::host_call::{CacheCall, EventsCall, HostCall, StateCall, StorageCall};
use plugdock_contracts::permission::{Decision, Permissions, ServiceName};

/// Decides whether a call is granted. `None` means that it needs no grant of its own, because an earlier call had it.
pub(super) fn decide(permissions: &Permissions, call: &HostCall) -> Result<Option<Decision>, ExecutionError> {
    Ok(Some(match call {
        HostCall::Cache(CacheCall::Get { key } | CacheCall::Set { key, .. } | CacheCall::Delete { key }) => {
            permissions.cache(key)
        }
        HostCall::State(StateCall::Get { key } | StateCall::Set { key } | StateCall::Delete { key }) => {
            permissions.state(key)
        }
        HostCall::State(StateCall::Keys { prefix, .. }) => permissions.state(prefix),
        HostCall::Storage(
            StorageCall::Read { path }
            | StorageCall::Write { path }
            | StorageCall::Delete { path }
            | StorageCall::List { path },
        ) => permissions.storage(path),
        HostCall::Events(EventsCall::Publish { topic }) => permissions.publish(topic),
        HostCall::Events(EventsCall::Subscribe { pattern }) => permissions.subscribe(pattern),
        // A subscription's number is the execution's own, and was granted when it was made.
        HostCall::Events(EventsCall::Next { .. } | EventsCall::Unsubscribe { .. }) => return Ok(None),
        HostCall::Invoke(call) => permissions.invoke(call.plugin.as_str(), call.handler.as_str()),
        HostCall::Custom(call) => {
            let name: ServiceName = call
                .service
                .parse()
                .map_err(|error| ExecutionError::from_error(ErrorCode::ValidationError, &error))?;
            permissions.service(&name, &call.method)
        }
    }))
}
