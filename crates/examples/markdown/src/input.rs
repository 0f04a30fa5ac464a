//! What the handlers are given. An unknown key is an error, so that a misspelt option is not silently left out.

use schemars::JsonSchema;
use serde::Deserialize;

/// The input of `render`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenderInput {
    /// Markdown files, relative to the workspace and without `..`.
    pub(crate) files: Vec<String>,
    /// Title of the page; with several files it follows each page's own. Without it a page has its first heading's.
    #[serde(default)]
    pub(crate) title: Option<String>,
    /// Whether pages have a table of contents. They do unless told otherwise.
    #[serde(default = "yes")]
    pub(crate) toc: bool,
}

/// The input of `outline`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutlineInput {
    /// A Markdown file, relative to the workspace and without `..`.
    pub(crate) file: String,
}

const fn yes() -> bool {
    true
}
