//! Tests of the configuration from its sources to its sections.

mod faults;
mod pool;
mod precedence;
mod reference;

use super::{ConfigError, Environment, RuntimeConfig, RuntimeConfigBuilder};
use plugdock_contracts::document::Format;

/// A builder that sees nothing of the machine.
fn bare() -> RuntimeConfigBuilder {
    RuntimeConfig::builder().base("/base").set("platform.data_dir", "/data")
}

fn environment<const N: usize>(variables: [(&str, &str); N]) -> Environment {
    variables.into_iter().collect()
}

fn toml(text: &str) -> Result<RuntimeConfig, ConfigError> {
    bare().text("/etc/host.toml", text, Format::Toml).build()
}

fn shown(config: &RuntimeConfig, key: &str) -> String {
    let setting = config.setting(key).unwrap();
    let value = setting.value.as_ref().map_or("-".to_owned(), ToString::to_string);
    format!("{value} ({})", setting.origin)
}
