//! Whose data it is: a tenant (or none) and a plugin, as keys and as directory names that never meet.
//! It relies on what ids may hold: a tenant no `/`, nothing in front but a letter or digit, and a plugin exactly one `/`.

use plugdock_contracts::service::ServiceScope;
use plugdock_contracts::{PluginId, TenantId};

/// The directory of executions without a tenant. No tenant id starts with `_`.
const NO_TENANT: &str = "_none";

/// A tenant and a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Namespace {
    tenant: Option<TenantId>,
    plugin: PluginId,
}

impl Namespace {
    /// The namespace of who calls.
    pub(crate) fn of(scope: &ServiceScope) -> Self {
        Self { tenant: scope.tenant.clone(), plugin: scope.plugin.clone() }
    }

    /// Both in one text: what is before the first `/` is the tenant, and nothing there means none.
    pub(crate) fn to_text(&self) -> String {
        let tenant = self.tenant.as_ref().map_or("", TenantId::as_str);
        format!("{tenant}/{}", self.plugin)
    }

    /// Both as path components, each safe as the name of a directory.
    pub(crate) fn to_components(&self) -> [String; 2] {
        let tenant = self.tenant.as_ref().map_or(NO_TENANT, TenantId::as_str);
        [tenant.to_owned(), self.plugin.to_component()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugdock_contracts::ExecutionId;
    use proptest::prelude::*;

    /// Ids built from few pieces, so that two of them often look alike when put together carelessly.
    fn alike() -> impl Strategy<Value = (Option<String>, String)> {
        let piece = "[ab0]([ab0._-]{0,2})";
        (prop::option::of(piece), prop::bool::ANY, piece, piece).prop_map(|(tenant, at, scope, name)| {
            (tenant, format!("{}{scope}/{name}", if at { "@" } else { "" }))
        })
    }

    fn namespace((tenant, plugin): &(Option<String>, String)) -> Namespace {
        let tenant = tenant.as_deref().map(|tenant| TenantId::new(tenant).unwrap());
        let plugin = PluginId::new(plugin).unwrap();
        Namespace::of(&ServiceScope::new(plugin, tenant, ExecutionId::generate()))
    }

    proptest! {
        #[test]
        fn two_owners_share_neither_text_nor_directory(one in alike(), other in alike()) {
            let (a, b) = (namespace(&one), namespace(&other));
            prop_assert_eq!(one == other, a.to_text() == b.to_text());
            prop_assert_eq!(one == other, a.to_components() == b.to_components());
        }

        #[test]
        fn components_are_plain_names(owner in alike()) {
            for component in namespace(&owner).to_components() {
                prop_assert!(!component.contains(['/', '\0', '\\']) && !component.starts_with('.') && component.len() <= 255);
            }
        }
    }

    #[test]
    fn no_tenant_is_a_tenant_of_its_own() {
        let none = namespace(&(None, "a/b".into()));
        let named = namespace(&(Some("none".into()), "a/b".into()));
        assert_ne!(none.to_components(), named.to_components());
        assert_eq!((none.to_text().as_str(), named.to_text().as_str()), ("/a/b", "none/a/b"));
    }
}
