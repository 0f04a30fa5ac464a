//! What the handlers answer. The pages themselves are artifacts; here is what is in them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::outline::Section;

/// The output of `render`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct RenderOutput {
    /// One for each file, in the order they were named.
    pub(crate) documents: Vec<RenderedFile>,
}

/// A file that was rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct RenderedFile {
    /// The file in the workspace.
    pub(crate) source: String,
    /// The artifact that holds its page.
    pub(crate) artifact: String,
    /// The page's title.
    pub(crate) title: String,
    /// How many headings it has.
    pub(crate) headings: usize,
    /// Words outside of code blocks.
    pub(crate) words: usize,
    /// Links, to the outside and to other files, images not counted.
    pub(crate) links: usize,
    /// Code blocks.
    pub(crate) code_blocks: usize,
    /// Length of the page.
    pub(crate) bytes: usize,
}

/// The output of `outline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct OutlineOutput {
    /// The file in the workspace.
    pub(crate) source: String,
    /// What its page would be called.
    pub(crate) title: String,
    /// Its headings, those of a deeper level inside the one that they follow.
    pub(crate) headings: Vec<Section>,
}
