//! Passes denied permissions on to the host's `tracing`, as warnings.
//! It keeps nothing.

use plugdock_contracts::service::{AuditEvent, AuditSink, ServiceScope};
use plugdock_contracts::{TenantId, TraceContext};

/// Writes each denial as a warning of the target `plugdock::audit`.
///
/// Fields: `execution`, `plugin`, `tenant` and `trace` if there are any, `permission`, `subject`, `rule` if one decided, and
/// `missing`, the grant that would have allowed it.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TracingAudit;

impl TracingAudit {
    /// A sink. It has no state.
    pub fn new() -> Self {
        Self
    }
}

impl AuditSink for TracingAudit {
    fn record(&self, scope: &ServiceScope, event: &AuditEvent) {
        tracing::warn!(
            target: "plugdock::audit",
            execution = scope.execution.as_str(),
            plugin = scope.plugin.as_str(),
            tenant = scope.tenant.as_ref().map(TenantId::as_str),
            trace = scope.trace.as_ref().map(TraceContext::trace_id),
            permission = event.permission.as_str(),
            // A subject is what a plugin asked for: quoted, it cannot forge lines of a log.
            subject = ?event.subject,
            rule = event.rule.as_deref(),
            missing = event.missing.as_str(),
            "permission denied"
        );
    }
}
