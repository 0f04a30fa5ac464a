//! The environment as a source of the configuration, and where it says that files are.
//! It is handed the variables; reading the process's own is the caller's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use plugdock_contracts::document::nearest;

use super::fault::ConfigFault;
use super::field::{Refusal, VARIABLE_PREFIX};
use super::layer::{Given, Layer};
use super::provenance::Provenance;
use super::table::FIELDS;

/// The variable that names the configuration file.
pub(super) const FILE_VARIABLE: &str = "PLUGDOCK_CONFIG";

/// What is no value, but known: the file's name, and by what a spawner or worker learns what it is.
const NO_VALUES: [&str; 3] = [FILE_VARIABLE, "PLUGDOCK_ROLE", "PLUGDOCK_CHANNEL_FD"];

/// File names looked for in the user's configuration folder.
const FILE_NAMES: [&str; 2] = ["plugdock.toml", "plugdock.json"];

/// Environment variables, as a program was started with them.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The layer of values, with relative paths taken from `base`.
    pub(super) fn layer(&self, base: &Path) -> Layer {
        let mut layer = Layer::default();
        for field in FIELDS {
            let variable = field.variable();
            let Some(text) = self.0.get(OsString::from(&variable).as_os_str()) else { continue };
            let parsed = match text.to_str() {
                None => Err(Refusal::new("its value is no text (UTF-8)")),
                Some("") => Err(Refusal::new("it is set but empty")
                    .help("unset it to leave the value to the file or the default")),
                Some(text) => field.kind.parse(text),
            };
            let origin = Provenance::Environment { variable };
            match parsed {
                Ok(value) => {
                    layer.values.push((field, Given { value: value.resolved(base), origin, span: None }));
                }
                Err(Refusal { message, help }) => {
                    layer.faults.push(ConfigFault {
                        origin,
                        span: None,
                        key: field.key.to_owned(),
                        message,
                        help,
                    });
                }
            }
        }
        self.unknown(&mut layer);
        layer
    }

    /// A variable close to a known one is a misspelling and refused. Others are only noted: orchestrators inject
    /// variables named after services, such as `PLUGDOCK_SERVICE_HOST`.
    fn unknown(&self, layer: &mut Layer) {
        let known: Vec<String> = FIELDS.iter().map(super::Field::variable).collect();
        let names =
            self.0.keys().filter_map(|name| name.to_str()).filter(|name| name.starts_with(VARIABLE_PREFIX));
        for name in names.filter(|name| !NO_VALUES.contains(name)) {
            if known.iter().any(|variable| variable == name) {
                continue;
            }
            let bare = |variable: &'_ String| variable[VARIABLE_PREFIX.len()..].to_owned();
            let bare_known: Vec<String> = known.iter().map(bare).chain(["CONFIG".to_owned()]).collect();
            match nearest(&name[VARIABLE_PREFIX.len()..], bare_known.iter().map(String::as_str)) {
                Some(close) => layer.faults.push(ConfigFault {
                    origin: Provenance::Environment { variable: name.to_owned() },
                    span: None,
                    key: String::new(),
                    message: "unknown variable".to_owned(),
                    help: Some(format!("did you mean `{VARIABLE_PREFIX}{close}`?")),
                }),
                None => layer
                    .notes
                    .push(format!("the environment variable {name} is no configuration and is ignored")),
            }
        }
    }

    /// The file that the environment names.
    pub(super) fn named_file(&self) -> Option<PathBuf> {
        self.0.get(OsString::from(FILE_VARIABLE).as_os_str()).map(PathBuf::from)
    }

    /// The files that the user's configuration folder may hold, best first.
    pub(super) fn user_files(&self) -> Vec<PathBuf> {
        let folder = self.folder("XDG_CONFIG_HOME").or_else(|| Some(self.folder("HOME")?.join(".config")));
        let Some(folder) = folder else { return Vec::new() };
        FILE_NAMES.iter().map(|name| folder.join("plugdock").join(name)).collect()
    }

    /// Where a user's data is kept.
    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        let folder =
            self.folder("XDG_DATA_HOME").or_else(|| Some(self.folder("HOME")?.join(".local/share")))?;
        Some(folder.join("plugdock"))
    }

    /// A folder that a variable names. A relative one is ignored, as the XDG specification demands.
    fn folder(&self, variable: &str) -> Option<PathBuf> {
        self.0.get(OsString::from(variable).as_os_str()).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
