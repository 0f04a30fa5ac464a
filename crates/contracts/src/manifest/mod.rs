//! The manifest a plugin ships, `plugin.toml` or `plugin.json`: what it is, what it asks for, and what the host may serve from it.
//! It lists no handlers (those come from the program itself, which cannot disagree with itself) and checks no file on disk.
//!
//! ```
//! use plugdock_contracts::document::Format;
//! use plugdock_contracts::manifest::{Isolation, Manifest};
//!
//! let text = r#"
//! manifest_version = 1
//! id = "acme/count"
//! version = "0.1.0"
//! entry = "bin/count"
//! min_isolation = "subprocess"
//!
//! [permissions]
//! "fs.read" = { scope = ["workspace", "data/**"], why = "read the files you name" }
//!
//! [resources]
//! memory = "128MiB"
//! timeout = "30s"
//! "#;
//! let manifest = Manifest::parse(text, "plugin.toml", Format::Toml).unwrap();
//! assert_eq!(manifest.id.as_str(), "acme/count");
//! assert_eq!(manifest.min_isolation, Isolation::Subprocess);
//! ```
//!
//! Three keys of the older runtime design are read under their old names: `main` for `entry`, `config_schema` for
//! `config.schema` and `default_config` for `config.defaults`.

mod config;
mod grants;
mod hooks;
mod http;
mod isolation;
mod package_path;
mod resources;
mod root;
mod route_path;
mod ws;

pub use config::ConfigSection;
pub use hooks::Hooks;
pub use http::{HttpMethod, HttpRoute, HttpSection};
pub use isolation::Isolation;
pub use package_path::{PackagePath, PackagePathError};
pub use resources::Resources;
pub use root::{JSON_FILE_NAME, MANIFEST_VERSION, Manifest, TOML_FILE_NAME};
pub use route_path::{RoutePath, RoutePathError};
pub use ws::{WsChannel, WsSection};
