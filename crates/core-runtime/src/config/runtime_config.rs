//! The configuration as the rest of the program reads it: typed sections, and every value with its origin.
//! It exists only when everything was checked, and never changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plugdock_contracts::{Limits, PluginId, Timeouts, span};
use plugdock_execution_factory::{PoolConfig, SandboxProfile};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::builder::RuntimeConfigBuilder;
use super::field::Field;
use super::layer::Given;
use super::pool_section;
use super::provenance::Provenance;
use super::services::PlatformSection;
use super::value::ConfigValue;

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    sections: Sections,
    settings: Vec<Setting>,
    plugins: BTreeMap<PluginId, PluginSetting>,
    file: Option<PathBuf>,
    notes: Vec<String>,
}

/// One value and where it came from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Setting {
    /// Its row in the table.
    pub field: &'static Field,
    /// The value; none where nobody gave one and the row has no default.
    pub value: Option<ConfigValue>,
    /// Where it came from.
    pub origin: Provenance,
}

/// The configuration of one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginSetting {
    /// A JSON object.
    pub config: Json,
    /// Where it came from.
    pub origin: Provenance,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sections {
    execution: ExecutionSection,
    #[serde(deserialize_with = "pool_section::deserialize")]
    pool: PoolConfig,
    timeouts: Timeouts,
    #[serde(default)]
    limits: Limits,
    platform: PlatformSection,
    log: LogConfig,
    shutdown: ShutdownSection,
}

/// How executions run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExecutionSection {
    /// Which backend.
    pub mode: ExecutionMode,
    /// How much workers are isolated.
    pub profile: ProfileChoice,
    /// Program that starts workers.
    pub spawner_program: Option<PathBuf>,
    /// Program that runs as the worker of linked plugins.
    pub worker_program: Option<PathBuf>,
    /// Executions that run at one time, except in a worker pool.
    pub max_concurrent: usize,
    /// Executions that wait at one time, except in a worker pool.
    pub max_waiting: usize,
    /// Folders whose sub-folders are plugins.
    pub plugin_dirs: Vec<PathBuf>,
    /// Folder of the workspaces.
    pub workspace_root: PathBuf,
    /// Time in which a worker must introduce itself.
    #[serde(with = "span::as_text")]
    pub handshake: Duration,
}

/// Which backend runs executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ExecutionMode {
    /// Chosen by what the machine and the host offer.
    Auto,
    /// The host's own process.
    InProcess,
    /// A fresh process for each execution.
    Subprocess,
    /// Long-lived worker processes.
    WorkerPool,
}

/// How much workers are isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProfileChoice {
    /// As much as the machine can hold.
    Strongest,
    /// Not beyond a process of their own.
    Trusted,
    /// To what is granted, by the kernel, or not at all.
    Restricted,
}

impl ProfileChoice {
    /// The profile that is demanded, if one is.
    pub const fn demanded(self) -> Option<SandboxProfile> {
        match self {
            Self::Strongest => None,
            Self::Trusted => Some(SandboxProfile::Trusted),
            Self::Restricted => Some(SandboxProfile::Restricted),
        }
    }
}

/// How the host's own log is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogConfig {
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Exceptions, each as `target=level`.
    pub filter: Vec<String>,
    /// The form of a line.
    pub format: LogFormat,
    /// Whether handlers' lines are in it.
    pub handlers: HandlerLog,
}

/// Whether handlers' log lines are written to the host's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HandlerLog {
    /// They are.
    Include,
    /// Only their callers get them.
    Omit,
}

/// The form of the host's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object for each line.
    Json,
    /// No log of ours: the host brings its own subscriber.
    None,
}

/// How the host stops.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ShutdownSection {
    /// Time in which running executions may finish.
    #[serde(with = "span::as_text")]
    pub drain: Duration,
}

impl RuntimeConfig {
    /// Starts to gather sources.
    pub fn builder() -> RuntimeConfigBuilder {
        RuntimeConfigBuilder::default()
    }

    pub(super) fn new(
        values: Vec<(&'static Field, Option<Given>)>,
        plugins: BTreeMap<PluginId, PluginSetting>,
        file: Option<PathBuf>,
        notes: Vec<String>,
    ) -> Self {
        let settings: Vec<Setting> = values
            .into_iter()
            .map(|(field, given)| match given {
                Some(Given { value, origin, .. }) => Setting { field, value: Some(value), origin },
                None => Setting { field, value: None, origin: Provenance::Default },
            })
            .collect();
        let sections = sections(&settings)
            .expect("the sections have a field of the right type for each row of the table");
        Self { sections, settings, plugins, file, notes }
    }

    /// How executions run.
    pub fn execution(&self) -> &ExecutionSection {
        &self.sections.execution
    }

    /// What a worker pool is made with, when one is.
    pub fn pool(&self) -> &PoolConfig {
        &self.sections.pool
    }

    /// How long each step may take.
    pub fn timeouts(&self) -> &Timeouts {
        &self.sections.timeouts
    }

    /// What a worker may use.
    pub fn limits(&self) -> &Limits {
        &self.sections.limits
    }

    /// What the platform's services keep and bound.
    pub fn platform(&self) -> &PlatformSection {
        &self.sections.platform
    }

    /// How the host's own log is written.
    pub fn log(&self) -> &LogConfig {
        &self.sections.log
    }

    /// How the host stops.
    pub fn shutdown(&self) -> &ShutdownSection {
        &self.sections.shutdown
    }

    /// The plugins' configurations.
    pub fn plugins(&self) -> &BTreeMap<PluginId, PluginSetting> {
        &self.plugins
    }

    /// Every value with its origin, in the order of the table.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// One value with its origin, by its dotted name.
    pub fn setting(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.field.key == key)
    }

    /// The file that was read, if any.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What was seen and ignored, in sentences.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

fn sections(settings: &[Setting]) -> Result<Sections, serde_json::Error> {
    let mut root = Map::new();
    for Setting { field, value, .. } in settings {
        // Manifest and configuration say `cpu`; the limit itself names its unit.
        let key = if field.key == "limits.cpu" { "limits.cpu_millicores" } else { field.key };
        insert(&mut root, key, value.as_ref().map_or(Json::Null, ConfigValue::typed));
    }
    serde_json::from_value(Json::Object(root))
}

/// Puts a value at a dotted key, making the tables on the way.
fn insert(table: &mut Map<String, Json>, key: &str, value: Json) {
    let Some((section, below)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    if let Json::Object(inner) = table.entry(section).or_insert_with(|| Json::Object(Map::new())) {
        insert(inner, below, value);
    }
}
