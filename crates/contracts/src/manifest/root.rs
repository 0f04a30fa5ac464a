//! The manifest itself, and reading it from text.
//! Checks that need the disk (is the entry there, does it stay below the plugin's folder) are the host's.

use serde::Serialize;

use super::config::ConfigSection;
use super::grants;
use super::hooks::Hooks;
use super::http::{HttpSection, Served};
use super::isolation::Isolation;
use super::package_path::PackagePath;
use super::resources::Resources;
use super::ws::WsSection;
use crate::document::{Cursor, Document, Faults, Fields, Format, Value};
use crate::id::PluginId;
use crate::permission::Permissions;

/// File name of a manifest written in TOML.
pub const TOML_FILE_NAME: &str = "plugin.toml";

/// File name of a manifest written in JSON, looked for when there is none in TOML.
pub const JSON_FILE_NAME: &str = "plugin.json";

/// The one manifest version that this release reads and writes.
pub const MANIFEST_VERSION: u32 = 1;

/// What a plugin is and asks for. Written out with serde it is the JSON form of the file, which reads back equal.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Version of the manifest's own format: [`MANIFEST_VERSION`].
    pub manifest_version: u32,
    /// Which plugin.
    pub id: PluginId,
    /// Which version of it.
    pub version: semver::Version,
    /// What it does, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Program that holds the handlers. A plugin without one is linked into the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<PackagePath>,
    /// Arguments that the program is started with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Versions of the host that it works with; every one when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<semver::VersionReq>,
    /// How far from the host it must run; a backend that is nearer refuses it.
    pub min_isolation: Isolation,
    /// What it may reach. Empty means nothing.
    #[serde(skip_serializing_if = "Permissions::is_empty", serialize_with = "grants::serialize")]
    pub permissions: Permissions,
    /// What it needs of the machine.
    #[serde(skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Schema and defaults of its configuration.
    #[serde(skip_serializing_if = "ConfigSection::is_empty")]
    pub config: ConfigSection,
    /// Handlers called when the plugin itself changes.
    #[serde(skip_serializing_if = "Hooks::is_empty")]
    pub hooks: Hooks,
    /// HTTP routes it offers.
    #[serde(skip_serializing_if = "HttpSection::is_empty")]
    pub http: HttpSection,
    /// WebSocket channels it offers.
    #[serde(skip_serializing_if = "WsSection::is_empty")]
    pub ws: WsSection,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Its licence, best as an SPDX expression; the text is not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Web page about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Web address of its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
}

impl Manifest {
    /// The least manifest: what a plugin linked into its host has when it says nothing more. It asks for nothing.
    pub fn new(id: PluginId, version: semver::Version) -> Self {
        Self {
            manifest_version: MANIFEST_VERSION,
            id,
            version,
            description: None,
            entry: None,
            args: Vec::new(),
            host: None,
            min_isolation: Isolation::default(),
            permissions: Permissions::default(),
            resources: Resources::default(),
            config: ConfigSection::default(),
            hooks: Hooks::default(),
            http: HttpSection::default(),
            ws: WsSection::default(),
            author: None,
            license: None,
            homepage: None,
            repository: None,
            keywords: Vec::new(),
        }
    }

    /// Reads a manifest. `file_name` is what messages call it.
    ///
    /// # Errors
    /// Every fault of the text with its line and key: of syntax, or of keys, values and what they say together.
    pub fn parse(text: &str, file_name: &str, format: Format) -> Result<Self, Faults> {
        Document::parse(text, file_name, format)?.read(Self::read)
    }

    /// Reads a manifest out of a document's outermost table; for [`Document::read`] and its kin.
    pub fn read(fields: &mut Fields<'_, '_>) -> Option<Self> {
        let Some(manifest_version) = fields.required_with("manifest_version", known_version) else {
            // What the keys of another version mean is not known, so nothing is said about them.
            if fields.has("manifest_version") {
                fields.ignore_rest();
                return None;
            }
            return Self::read_known(fields, MANIFEST_VERSION);
        };
        Self::read_known(fields, manifest_version)
    }

    fn read_known(fields: &mut Fields<'_, '_>, manifest_version: u32) -> Option<Self> {
        fields.alias("main", "entry");
        let id = fields.required("id");
        let version = fields.required("version");
        let mut served = Served::new();
        Some(Self {
            manifest_version,
            description: fields.optional("description"),
            entry: fields.optional("entry"),
            args: arguments(fields),
            host: fields.optional("host"),
            min_isolation: fields.optional("min_isolation").unwrap_or_default(),
            permissions: fields.optional_with("permissions", grants::read).unwrap_or_default(),
            resources: fields.table("resources", Resources::read).unwrap_or_default(),
            config: ConfigSection::read(fields),
            hooks: fields.table("hooks", Hooks::read).unwrap_or_default(),
            http: fields.table("http", |http| HttpSection::read(http, &mut served)).unwrap_or_default(),
            ws: fields.table("ws", |ws| WsSection::read(ws, &mut served)).unwrap_or_default(),
            author: fields.optional("author"),
            license: fields.optional("license"),
            homepage: fields.optional_with("homepage", web_address),
            repository: fields.optional_with("repository", web_address),
            keywords: fields.list("keywords", |at| at.string().map(str::to_owned)),
            id: id?,
            version: version?,
        })
    }

    /// The published JSON Schema (draft 2020-12) of the file, for editors and for checks outside this crate.
    ///
    /// It knows the same keys; what several keys say together, and the pattern languages, it does not check.
    pub fn json_schema() -> &'static str {
        include_str!("../../schema/plugin.schema.json")
    }
}

fn known_version(at: &mut Cursor<'_, '_>) -> Option<u32> {
    match at.node().value() {
        Value::Integer(version) if *version == i64::from(MANIFEST_VERSION) => Some(MANIFEST_VERSION),
        Value::Integer(version) => at.refuse_with_help(
            format!("manifest version {version} is not known"),
            format!("this release reads version {MANIFEST_VERSION}; a newer host may read this plugin"),
        ),
        _ => at.expected("an integer"),
    }
}

fn arguments(fields: &mut Fields<'_, '_>) -> Vec<String> {
    let args = fields.list("args", argument);
    if !args.is_empty() && !fields.has("entry") {
        fields.fault("args", "arguments without a program", Some("add `entry`, or remove `args`".to_owned()));
    }
    args
}

fn argument(at: &mut Cursor<'_, '_>) -> Option<String> {
    let text = at.string()?;
    if text.contains('\0') { at.refuse("an argument with a NUL byte") } else { Some(text.to_owned()) }
}

fn web_address(at: &mut Cursor<'_, '_>) -> Option<String> {
    let text = at.string()?;
    let after_scheme = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    // A URL parser mends these silently; a reader of the manifest may not.
    let mended =
        |rest: &str| rest.starts_with('/') || text.contains('\\') || text.contains(char::is_whitespace);
    match after_scheme {
        Some(rest) if !mended(rest) && url::Url::parse(text).is_ok() => Some(text.to_owned()),
        _ => at.refuse_with_help("no web address", "write it whole, for example https://example.com/plugin"),
    }
}
