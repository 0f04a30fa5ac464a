//! Puts the sources of a configuration together: code over environment over file over default.
//! It checks everything before it answers, so that every fault of every source is seen at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use plugdock_contracts::PluginId;
use plugdock_contracts::document::Format;
use serde_json::Value as Json;

use super::check::{self, Resolved};
use super::environment::{Environment, FILE_VARIABLE};
use super::fault::{ConfigError, ConfigFault};
use super::field::{Field, Kind, Preset, Refusal};
use super::file;
use super::layer::{Given, Layer};
use super::provenance::Provenance;
use super::runtime_config::{PluginSetting, RuntimeConfig};
use super::table::{self, FIELDS};
use super::value::ConfigValue;

/// The name under which code gives a value when it says no other.
const CODE: &str = "code";

/// Gathers the sources of a configuration.
#[derive(Debug, Default)]
pub struct RuntimeConfigBuilder {
    file: Option<(FileSource, Provenance)>,
    environment: Option<Environment>,
    base: Option<PathBuf>,
    values: Vec<(String, ConfigValue, String)>,
    plugins: Vec<(PluginId, Json)>,
}

#[derive(Debug)]
enum FileSource {
    Path(PathBuf),
    Text { name: PathBuf, text: String, format: Format },
}

impl RuntimeConfigBuilder {
    /// Reads this file. `asked_by` is named when it cannot be read, for example `--config`.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>, asked_by: &str) -> Self {
        self.file = Some((FileSource::Path(path.into()), Provenance::Code { by: asked_by.to_owned() }));
        self
    }

    /// Reads this text as if it were the file `name`.
    #[must_use]
    pub fn text(mut self, name: impl Into<PathBuf>, text: impl Into<String>, format: Format) -> Self {
        let source = FileSource::Text { name: name.into(), text: text.into(), format };
        self.file = Some((source, Provenance::Code { by: CODE.to_owned() }));
        self
    }

    /// Reads these environment variables: values, and without [`file`](Self::file) also which file is read
    /// (`PLUGDOCK_CONFIG`, else the user's own if there is one).
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// The folder from which relative paths of environment and code are taken; the current one when not given.
    #[must_use]
    pub fn base(mut self, folder: impl Into<PathBuf>) -> Self {
        self.base = Some(folder.into());
        self
    }

    /// Sets a value by its dotted name. A wrong name or value is a fault of [`build`](Self::build), not a panic.
    #[must_use]
    pub fn set(self, key: &str, value: impl Into<ConfigValue>) -> Self {
        self.set_by(CODE, key, value)
    }

    /// The same, and says which part of the program gave it, for example `--timeout`.
    #[must_use]
    pub fn set_by(mut self, by: &str, key: &str, value: impl Into<ConfigValue>) -> Self {
        self.values.push((key.to_owned(), value.into(), by.to_owned()));
        self
    }

    /// Sets the configuration of a plugin, instead of the file's table for it.
    #[must_use]
    pub fn plugin(mut self, id: PluginId, config: Json) -> Self {
        self.plugins.push((id, config));
        self
    }

    /// Reads all sources and checks them, alone and together.
    ///
    /// # Errors
    /// [`ConfigError`] lists every fault of every source.
    pub fn build(self) -> Result<RuntimeConfig, ConfigError> {
        let base = self.base.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        let mut layers = [self.code_layer(&base), Layer::default(), self.file_layer(&base)];
        if let Some(environment) = &self.environment {
            layers[1] = environment.layer(&base);
        }
        let data_dir = self.environment.as_ref().and_then(Environment::data_dir);
        let (values, missing) = resolve(&layers, data_dir.as_deref());
        let source = layers[2].source.take();
        // The file's faults first: the order in which a person mends them.
        let mut faults: Vec<ConfigFault> =
            layers.iter_mut().rev().flat_map(|layer| std::mem::take(&mut layer.faults)).collect();
        faults.extend(missing);
        faults.extend(check::check(&values));
        if !faults.is_empty() {
            return Err(ConfigError::new(faults, source));
        }
        let ignored = layers.iter().flat_map(|layer| layer.notes.clone());
        let notes = ignored.chain(check::unused(&values)).collect();
        Ok(RuntimeConfig::new(values.0, plugins(&layers), source.map(|(name, _)| name.into()), notes))
    }

    fn code_layer(&self, base: &Path) -> Layer {
        let mut layer = Layer::default();
        for (key, value, by) in &self.values {
            let origin = Provenance::Code { by: by.clone() };
            match accept(key, value) {
                Ok((field, value)) => {
                    layer.values.push((field, Given { value: value.resolved(base), origin, span: None }));
                }
                Err(Refusal { message, help }) => {
                    layer.faults.push(ConfigFault { origin, span: None, key: key.clone(), message, help });
                }
            }
        }
        for (id, config) in &self.plugins {
            let origin = Provenance::Code { by: CODE.to_owned() };
            if config.is_object() {
                layer.plugins.push((id.clone(), config.clone(), origin));
            } else {
                let (key, message) = (
                    format!("plugins.\"{id}\""),
                    "the configuration of a plugin is a JSON object".to_owned(),
                );
                layer.faults.push(ConfigFault { origin, span: None, key, message, help: None });
            }
        }
        layer
    }

    fn file_layer(&self, base: &Path) -> Layer {
        match &self.file {
            Some((FileSource::Path(path), asked_by)) => file::read(&base.join(path), asked_by),
            Some((FileSource::Text { name, text, format }, _)) => {
                file::parse(&base.join(name), text, *format)
            }
            None => {
                self.environment.as_ref().map(|environment| found_file(environment, base)).unwrap_or_default()
            }
        }
    }
}

/// The file that the environment leads to; a user's file may be absent, a named one may not.
fn found_file(environment: &Environment, base: &Path) -> Layer {
    let origin = |variable: &str| Provenance::Environment { variable: variable.to_owned() };
    if let Some(named) = environment.named_file() {
        return file::read(&base.join(named), &origin(FILE_VARIABLE));
    }
    let files: Vec<PathBuf> = environment.user_files().into_iter().filter(|path| path.exists()).collect();
    match files.as_slice() {
        [] => Layer::default(),
        [only] => file::read(only, &Provenance::Default),
        [first, second, ..] => {
            let message = format!("there are both `{}` and `{}`", first.display(), second.display());
            let help = Some("keep one of them".to_owned());
            let fault =
                ConfigFault { origin: Provenance::Default, span: None, key: String::new(), message, help };
            Layer { faults: vec![fault], ..Layer::default() }
        }
    }
}

/// The row of a key, and the value if the row takes it. A text is read as the row's kind.
fn accept(key: &str, value: &ConfigValue) -> Result<(&'static Field, ConfigValue), Refusal> {
    let Some(field) = table::find(key) else {
        let refusal = Refusal::new("unknown key");
        return Err(match check::did_you_mean(key) {
            Some(help) => refusal.help(help),
            None => refusal,
        });
    };
    match (field.kind, value) {
        // Text may stand for anything; a path in a list may hold the comma that separates a text's items.
        (Kind::PathList, ConfigValue::PathList(paths))
            if paths.iter().all(|path| path.to_str().is_some()) =>
        {
            Ok((field, value.clone()))
        }
        (_, ConfigValue::PathList(paths)) if paths.iter().any(|path| path.to_str().is_none()) => {
            Err(Refusal::new("a path is no text (UTF-8)"))
        }
        (_, ConfigValue::Path(path)) if path.to_str().is_none() => {
            Err(Refusal::new("the path is no text (UTF-8)"))
        }
        // A value's text reads back equal, so one way checks kind and bounds of texts and typed values alike.
        _ => field.kind.parse(&value.to_string()).map(|value| (field, value)),
    }
}

/// The values that hold, in the order of the table.
pub(super) struct Values(pub(super) Vec<(&'static Field, Option<Given>)>);

impl Resolved for Values {
    fn given(&self, key: &str) -> Option<&Given> {
        self.0.iter().find(|(field, _)| field.key == key)?.1.as_ref()
    }
}

fn resolve(layers: &[Layer], data_dir: Option<&Path>) -> (Values, Vec<ConfigFault>) {
    let preset = |value| Given { value, origin: Provenance::Default, span: None };
    // The strongest source that says anything of a row. When that is refused the row has no value: comparing its default
    // with other values would find faults that nobody made.
    let source = |key| layers.iter().find(|layer| layer.refuses(key) || layer.get(key).is_some());
    let is_refused = |key| source(key).is_some_and(|layer| layer.refuses(key));
    let mut values: Vec<(&'static Field, Option<Given>)> = FIELDS
        .iter()
        .map(|field| {
            let given = match (source(field.key), field.preset) {
                (Some(layer), _) if layer.refuses(field.key) => None,
                (Some(layer), _) => layer.get(field.key).cloned(),
                (None, Preset::Value(text)) => field.kind.parse(text).ok().map(preset),
                (None, Preset::Derived(_) | Preset::Absent(_)) => None,
            };
            (field, given)
        })
        .collect();
    let mut data = None;
    let mut faults = Vec::new();
    let is_data_dir = |field: &Field| field.key == "platform.data_dir" && !is_refused(field.key);
    for (field, given) in values.iter_mut().filter(|(field, _)| is_data_dir(field)) {
        if given.is_none() {
            *given = data_dir.map(|path| preset(ConfigValue::Path(path.to_owned())));
        }
        match given {
            Some(Given { value: ConfigValue::Path(path), .. }) => data = Some(path.clone()),
            _ => faults.push(ConfigFault {
                origin: Provenance::Default,
                span: None,
                key: field.key.to_owned(),
                message: "no value, and neither XDG_DATA_HOME nor HOME to make one from".to_owned(),
                help: Some(format!("set it, for example by the environment variable {}", field.variable())),
            }),
        }
    }
    let is_workspace_root = |field: &Field| field.key == "execution.workspace_root" && !is_refused(field.key);
    for (_, given) in values.iter_mut().filter(|(field, given)| is_workspace_root(field) && given.is_none()) {
        *given = data.as_ref().map(|folder| preset(ConfigValue::Path(folder.join("workspaces"))));
    }
    (Values(values), faults)
}

fn plugins(layers: &[Layer]) -> BTreeMap<PluginId, PluginSetting> {
    let mut plugins = BTreeMap::new();
    // From the weakest to the strongest, so that the strongest stays.
    for (id, config, origin) in layers.iter().rev().flat_map(|layer| &layer.plugins) {
        plugins.insert(id.clone(), PluginSetting { config: config.clone(), origin: origin.clone() });
    }
    plugins
}
