//! Handlers that a manifest wants called when the plugin itself is installed, switched or changed.
//! It names them only; when each runs, and with which input, is the runtime's business.

use serde::Serialize;

use crate::document::Fields;
use crate::id::HandlerId;

/// Handlers by the event they are called at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Hooks {
    /// Once, after the plugin was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_install: Option<HandlerId>,
    /// When the plugin is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_enable: Option<HandlerId>,
    /// When the plugin is switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disable: Option<HandlerId>,
    /// After another version took the place of one; it is given the old version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_update: Option<HandlerId>,
    /// Before the plugin is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_uninstall: Option<HandlerId>,
    /// After the plugin's configuration changed; it is given the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_config_change: Option<HandlerId>,
}

impl Hooks {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Self {
        Self {
            on_install: fields.optional("on_install"),
            on_enable: fields.optional("on_enable"),
            on_disable: fields.optional("on_disable"),
            on_update: fields.optional("on_update"),
            on_uninstall: fields.optional("on_uninstall"),
            on_config_change: fields.optional("on_config_change"),
        }
    }
}
