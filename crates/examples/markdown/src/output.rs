//! What the handlers answer. The pages themselves are artifacts; here is what is in them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::outline::Section;

/// The output of `render`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RenderOutput {
    /// One for each file, in the order they were named.
    pub documents: Vec<RenderedFile>,
}

/// A file that was rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RenderedFile {
    /// The file in the workspace.
    pub source: String,
    /// The artifact that holds its page.
    pub artifact: String,
    /// The page's title.
    pub title: String,
    /// How many headings it has.
    pub headings: usize,
    /// Words outside of code blocks.
    pub words: usize,
    /// Links, to the outside and to other files, images not counted.
    pub links: usize,
    /// Code blocks.
    pub code_blocks: usize,
    /// Length of the page.
    pub bytes: usize,
}

/// The output of `outline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OutlineOutput {
    /// The file in the workspace.
    pub source: String,
    /// What its page would be called.
    pub title: String,
    /// Its headings, those of a deeper level inside the one that they follow.
    pub headings: Vec<Section>,
}
