//! The `markdown` plugin: renders Markdown files of the workspace to standalone HTML pages with a table of contents.
//! It reads and renders; it fetches nothing, and nothing of a source reaches a page as HTML of its own.
//!
//! A page holds its own style and no script, and says so to the browser with a content security policy. HTML in a source is
//! shown as text, `<br>` excepted, and comments are left out; a link with another scheme than `http`, `https` or `mailto` keeps
//! its text and loses its address. Files may link to each other: where both are rendered, a link to `guide.md` leads to
//! `guide.html`.

mod document;
mod escape;
mod fault;
mod handler;
mod input;
mod link;
mod outline;
mod output;
mod page;
mod rewriter;
mod slug;
mod source;
mod word_count;

use plugdock_plugin_runtime::Plugin;
use serde_json::json;

use crate::input::{OutlineInput, RenderInput};
use crate::output::{OutlineOutput, RenderOutput};

/// The plugin with its handlers `render` and `outline`.
pub fn plugin() -> Plugin {
    Plugin::new("plugdock/markdown", env!("CARGO_PKG_VERSION"))
        .about("Renders Markdown files to standalone HTML pages with a table of contents.")
        .handler("render", handler::render)
        .doc("Renders files of the workspace, each to one HTML artifact.")
        .example("one file, given with --file README.md", json!({ "files": ["README.md"] }))
        .example(
            "several, without contents",
            json!({ "files": ["README.md", "docs/guide.md"], "toc": false }),
        )
        .schema::<RenderInput, RenderOutput>()
        .idempotent()
        .handler("outline", handler::outline)
        .doc("Tells the headings of one file as a tree and writes nothing.")
        .example("one file, given with --file README.md", json!({ "file": "README.md" }))
        .schema::<OutlineInput, OutlineOutput>()
        .idempotent()
}
