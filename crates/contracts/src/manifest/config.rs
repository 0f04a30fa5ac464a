//! What a manifest says about the plugin's own configuration.
//! It only carries schema and defaults; checking a configuration against them is the host's work.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::package_path::PackagePath;
use crate::document::{Cursor, Fields};

/// Schema and defaults of the configuration that the plugin reads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ConfigSection {
    /// File inside the plugin that holds the JSON Schema of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<PackagePath>,
    /// Values that hold where the host's configuration names none: the text of a JSON object, its keys sorted.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_json")]
    pub defaults: Option<String>,
}

impl ConfigSection {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the `config` table, and the two top-level keys that say the same in the older runtime design.
    pub(super) fn read(fields: &mut Fields<'_, '_>) -> Self {
        let section = fields.table("config", |config| Self {
            schema: config.optional("schema"),
            defaults: config.optional_with("defaults", json_object),
        });
        let old_schema = fields.optional("config_schema");
        let old_defaults = fields.optional_with("default_config", json_object);
        let Some(section) = section else {
            return Self { schema: old_schema, defaults: old_defaults };
        };
        for old in ["config_schema", "default_config"] {
            if fields.has(old) {
                fields.fault(
                    old,
                    "an older name of a key in `config`, which is given too",
                    Some("keep one of them".to_owned()),
                );
            }
        }
        section
    }
}

fn json_object(at: &mut Cursor<'_, '_>) -> Option<String> {
    match at.node().value() {
        crate::document::Value::Table(_) => Some(at.node().to_json()),
        _ => at.expected("a table"),
    }
}

#[expect(clippy::ref_option, reason = "serde's `serialize_with` passes the field by reference")]
fn as_json<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(text) = text else {
        return serializer.serialize_none();
    };
    RawValue::from_string(text.clone()).map_err(serde::ser::Error::custom)?.serialize(serializer)
}
