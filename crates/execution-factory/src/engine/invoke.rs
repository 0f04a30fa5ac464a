//! Nested invocation: one handler calls another through the same engine, with what it may and what is left of its time.

use std::sync::{Arc, Weak};

use plugdock_contracts::error::{ErrorCode, ExecutionError};
use plugdock_contracts::{BoxFuture, ExecutionRequest, Payload};

use super::shutdown::Origin;
use super::{Carrier, Engine};
use crate::governance::{Invoke, Invoker};

/// Starts nested executions on an engine that may be gone.
#[derive(Debug)]
pub(super) struct EngineInvoker<C: Carrier>(Weak<Engine<C>>);

impl<C: Carrier> EngineInvoker<C> {
    pub(super) fn new(engine: &Arc<Engine<C>>) -> Self {
        Self(Weak::clone(&engine.myself))
    }
}

impl<C: Carrier> Invoker for EngineInvoker<C> {
    fn invoke(&self, invoke: Invoke) -> BoxFuture<'static, Result<Payload, ExecutionError>> {
        let engine = self.0.upgrade();
        Box::pin(async move {
            let engine =
                engine.ok_or_else(|| ExecutionError::new(ErrorCode::ShuttingDown, "the backend is gone"))?;
            // Dropping this future drops the execution's handle, which cancels it: it ends with its parent.
            engine.begin(nested(invoke), Origin::Nested).wait().await.result
        })
    }
}

/// The request of a nested invocation.
fn nested(invoke: Invoke) -> ExecutionRequest {
    let Invoke { parent, permissions, call, input, remaining } = invoke;
    let mut request = ExecutionRequest::for_handler(call.plugin, call.handler).with_payload(input);
    let from = &parent.descriptor;
    request.descriptor.host.clone_from(&from.host);
    request.descriptor.request_id.clone_from(&from.request_id);
    request.descriptor.tenant.clone_from(&from.tenant);
    request.descriptor.trace = from.trace.as_ref().map(plugdock_contracts::TraceContext::child);
    request.descriptor.permissions = Some(permissions);
    request.priority = parent.priority;
    request.timeouts.grace = parent.timeouts.grace;
    let asked = call.timeout_ms.map(std::time::Duration::from_millis);
    request.timeouts.call = match (asked, remaining) {
        (Some(asked), Some(remaining)) => Some(asked.min(remaining)),
        (asked, remaining) => asked.or(remaining),
    };
    request.invoked_by.clone_from(&parent.invoked_by);
    request.invoked_by.push(parent.handler_ref());
    request
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugdock_contracts::host_call::InvokeCall;
    use plugdock_contracts::permission::Permissions;
    use plugdock_contracts::{HandlerId, PluginId, TenantId};

    use super::*;

    #[test]
    fn a_nested_execution_inherits_tenant_grants_and_time() {
        let mut parent = ExecutionRequest::new("acme/outer", "go").unwrap();
        parent.descriptor.tenant = Some(TenantId::new("t1").unwrap());
        let call = InvokeCall {
            plugin: PluginId::new("acme/inner").unwrap(),
            handler: HandlerId::new("h").unwrap(),
            timeout_ms: Some(60_000),
            content_type: None,
        };
        let remaining = Some(Duration::from_secs(3));
        let permissions = Permissions::deny_all();
        let request = nested(Invoke {
            parent: Arc::new(parent),
            permissions: permissions.clone(),
            call,
            input: Payload::null(),
            remaining,
        });
        assert_eq!(request.invoked_by, ["acme/outer#go"]);
        assert_eq!(request.timeouts.call, remaining, "never more than what the parent has left");
        assert_eq!(request.descriptor.tenant.unwrap().as_str(), "t1");
        assert_eq!(request.descriptor.permissions, Some(permissions));
    }
}
