//! Scopes of made-up plugins and tenants.
//! They hold no time limit and no trace.

use plugdock_contracts::permission::StateQuota;
use plugdock_contracts::service::ServiceScope;
use plugdock_contracts::{ExecutionId, PluginId, TenantId};

/// A plugin without a tenant.
pub(crate) fn plugin(id: &str) -> ServiceScope {
    ServiceScope::new(PluginId::new(id).unwrap(), None, ExecutionId::generate())
}

/// A plugin for a tenant.
pub(crate) fn plugin_of(tenant: &str, id: &str) -> ServiceScope {
    let tenant = Some(TenantId::new(tenant).unwrap());
    ServiceScope::new(PluginId::new(id).unwrap(), tenant, ExecutionId::generate())
}

/// Scopes that look alike when their ids are put together carelessly.
pub(crate) fn alike() -> Vec<ServiceScope> {
    vec![
        plugin("a/b"),
        plugin("@a/b"),
        plugin("a/b-c"),
        plugin("none/a"),
        plugin_of("a", "a/b"),
        plugin_of("a", "b/a"),
        plugin_of("a.b", "a/b"),
        plugin_of("none", "a/b"),
        plugin_of("A", "a/b"),
    ]
}

/// The same on whose behalf a grant with a quota calls.
pub(crate) fn within(scope: &ServiceScope, quota: StateQuota) -> ServiceScope {
    let mut scope = scope.clone();
    scope.state_quota = quota;
    scope
}
