//! `plugdock config show`: every value that holds, and where it came from.
//! The values in plugins' own tables are not shown: only the plugins know which are secret.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use plugdock_core_runtime::RuntimeConfig;
use plugdock_core_runtime::config::{ConfigValue, Preset, Setting};
use serde_json::{Map, Value as Json, json};

use super::host;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::Paint;

/// Look at the configuration
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Show(Show),
}

/// Show every value and where it came from
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Read this configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn show(args: &Show, output: &Output) -> Result<(), Failure> {
    let config = host::gather(args.config.as_deref()).build()?;
    if args.json {
        output.result_line(&document(&config).to_string());
        return Ok(());
    }
    let form = output.form();
    output.result_line(&listing(&config, Paint(form.colour && form.result_terminal)));
    for note in config.notes() {
        output.note(&format!("note: {note}"));
    }
    Ok(())
}

fn document(config: &RuntimeConfig) -> Json {
    let values: Map<String, Json> = config
        .settings()
        .iter()
        .map(|setting| {
            (setting.field.key.to_owned(), json!({ "value": setting.value, "origin": setting.origin }))
        })
        .collect();
    let plugins: Map<String, Json> = config
        .plugins()
        .iter()
        .map(|(id, setting)| {
            (id.to_string(), json!({ "keys": keys(&setting.config), "origin": setting.origin }))
        })
        .collect();
    json!({ "file": config.file(), "values": values, "plugins": plugins, "notes": config.notes() })
}

/// TOML that says the same, each line with its origin.
fn listing(config: &RuntimeConfig, paint: Paint) -> String {
    let mut lines = Vec::new();
    if let Some(file) = config.file() {
        lines.push(paint.faint(&format!("# file: {}", file.display())));
    }
    let width = config
        .settings()
        .iter()
        .map(|setting| assignment(setting).chars().count())
        .filter(|n| *n <= 44)
        .max()
        .unwrap_or(0);
    let mut last = "";
    for setting in config.settings() {
        let (section, _) = setting.field.key.rsplit_once('.').unwrap_or(("", setting.field.key));
        if section != last {
            lines.extend([String::new(), paint.strong(&format!("[{section}]"))]);
            last = section;
        }
        let origin = match (&setting.value, setting.field.preset) {
            (None, Preset::Absent(meaning)) => format!("# not set: {meaning}"),
            _ => format!("# {}", setting.origin),
        };
        lines.push(format!("{:<width$}  {}", assignment(setting), paint.faint(&origin)));
    }
    for (id, setting) in config.plugins() {
        lines.extend([
            String::new(),
            format!(
                "{}  {}",
                paint.strong(&format!("[plugins.\"{id}\"]")),
                paint.faint(&format!("# {}", setting.origin))
            ),
        ]);
        lines.extend(keys(&setting.config).iter().map(|key| format!("# {key} = (not shown)")));
    }
    lines.join("\n").trim_start().to_owned()
}

fn assignment(setting: &Setting) -> String {
    let leaf = setting.field.key.rsplit('.').next().unwrap_or_default();
    match &setting.value {
        None => format!("# {leaf}"),
        // JSON texts, numbers and lists of texts are TOML as well.
        Some(value @ ConfigValue::List(_)) => {
            format!("{leaf} = {}", json!(value).to_string().replace("\",\"", "\", \""))
        }
        Some(value) => format!("{leaf} = {}", json!(value)),
    }
}

fn keys(config: &Json) -> Vec<&str> {
    config.as_object().map(|table| table.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use plugdock_contracts::document::{Document, Format};

    use super::*;

    fn config() -> RuntimeConfig {
        let text = "[log]\nfilter = [\"a=debug\", \"b=off\"]\n[plugins.\"acme/a\"]\ntoken = \"secret\"\n";
        RuntimeConfig::builder()
            .base("/")
            .text("/etc/host.toml", text, Format::Toml)
            .set_by("--data", "platform.data_dir", "/data")
            .build()
            .unwrap()
    }

    #[test]
    fn the_listing_is_a_configuration_that_says_the_same() {
        let shown = listing(&config(), Paint(false));
        let again = RuntimeConfig::builder()
            .base("/")
            .text("/again.toml", shown.as_str(), Format::Toml)
            .build()
            .unwrap();
        for (setting, read) in config().settings().iter().zip(again.settings()) {
            assert_eq!(setting.value, read.value, "{}", setting.field.key);
        }
        assert!(Document::parse(&shown, "x", Format::Toml).is_ok());
        assert!(shown.contains("# /etc/host.toml:2"), "{shown}");
        assert!(shown.contains("data_dir = \"/data\""), "{shown}");
    }

    #[test]
    fn values_of_plugins_are_never_shown() {
        let config = config();
        assert!(!listing(&config, Paint(false)).contains("secret"));
        let document = document(&config);
        assert!(!document.to_string().contains("secret"));
        assert_eq!(document["plugins"]["acme/a"]["keys"], json!(["token"]));
        assert_eq!(
            document["values"]["log.filter"]["origin"],
            json!({ "from": "file", "path": "/etc/host.toml", "line": 2 })
        );
    }
}
