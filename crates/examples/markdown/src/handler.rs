//! The handlers: what the host calls. They read, have rendered, and write artifacts; what HTML is they leave to others.

use plugdock_plugin_runtime::{Ctx, HandlerError, HandlerResult};

use crate::document::Document;
use crate::fault::refused;
use crate::input::{OutlineInput, RenderInput};
use crate::link::Links;
use crate::outline::tree;
use crate::output::{OutlineOutput, RenderOutput, RenderedFile};
use crate::page::Page;
use crate::source::{self, Sources};

/// Renders files, one artifact each. What it wrote before a fault stays.
pub(crate) async fn render(ctx: Ctx, input: RenderInput) -> HandlerResult<RenderOutput> {
    let RenderInput { files, title, toc } = input;
    let sources = std::sync::Arc::new(Sources::named(files).map_err(|error| refused(&error))?);
    let pairs: Vec<_> =
        sources.iter().map(|(file, artifact)| (file.to_owned(), artifact.to_owned())).collect();
    let mut documents = Vec::with_capacity(pairs.len());
    for (at, (file, artifact)) in pairs.into_iter().enumerate() {
        ctx.progress(fraction(at, sources.len()), &file);
        let text = read(&ctx, &file).await?;
        let job = Rendering { sources: std::sync::Arc::clone(&sources), title: title.clone(), toc };
        let (rendered, html) = on_a_thread(move || job.render(file, artifact, &text)).await;
        ctx.artifacts().write(&rendered.artifact, html).await?;
        ctx.log().with("artifact", &rendered.artifact).with("bytes", &rendered.bytes).info(format!(
            "rendered {} ({} words, {} headings)",
            rendered.source, rendered.words, rendered.headings
        ));
        documents.push(rendered);
    }
    ctx.progress(1.0, "done");
    Ok(RenderOutput { documents })
}

/// Tells the headings of one file.
pub(crate) async fn outline(ctx: Ctx, input: OutlineInput) -> HandlerResult<OutlineOutput> {
    let text = read(&ctx, &input.file).await?;
    Ok(on_a_thread(move || outline_of(input.file, &text)).await)
}

fn outline_of(source: String, text: &str) -> OutlineOutput {
    let document = Document::read(text);
    OutlineOutput { title: title(&document, &source), headings: tree(document.headings()), source }
}

/// What is the same for all pages of a call.
struct Rendering {
    sources: std::sync::Arc<Sources>,
    title: Option<String>,
    toc: bool,
}

impl Rendering {
    fn render(&self, source: String, artifact: String, text: &str) -> (RenderedFile, String) {
        let document = Document::read(text);
        let title = self.page_title(title(&document, &source));
        let headings = document.headings().len();
        let sections = self.toc.then(|| tree(document.headings()));
        let body = document.render(Links { document: &source, sources: &self.sources });
        let html = Page { title: &title, body: &body.html, sections: sections.as_deref() }.html();
        let rendered = RenderedFile {
            source,
            artifact,
            title,
            headings,
            words: body.words,
            links: body.links,
            code_blocks: body.code_blocks,
            bytes: html.len(),
        };
        (rendered, html)
    }

    /// One title for several pages would not tell them apart.
    fn page_title(&self, own: String) -> String {
        match &self.title {
            None => own,
            Some(title) if self.sources.len() == 1 => title.clone(),
            Some(title) => format!("{own} · {title}"),
        }
    }
}

/// The document's own title, or its file's name without folders and ending.
fn title(document: &Document<'_>, source: &str) -> String {
    let file_name = source.rsplit('/').next().unwrap_or(source);
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    document.title().unwrap_or(if stem.is_empty() { file_name } else { stem }).to_owned()
}

async fn read(ctx: &Ctx, file: &str) -> Result<String, HandlerError> {
    let (workspace, name) = (ctx.workspace().to_owned(), file.to_owned());
    on_a_thread(move || source::read(&workspace, &name)).await.map_err(|error| refused(&error))
}

/// Runs what blocks or computes beside the thread that answers the host.
async fn on_a_thread<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(job).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            // The runtime reports it as what it is, with message and place.
            Ok(panic) => std::panic::resume_unwind(panic),
            // A cancelled job never started: the runtime is about to drop this future too.
            Err(_stopped) => std::future::pending().await,
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "how far it is needs no more than three digits")]
fn fraction(done: usize, of: usize) -> f32 {
    done as f32 / of as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendering(files: &[&str], title: Option<&str>) -> Rendering {
        let sources = Sources::named(files.iter().map(|&file| file.to_owned()).collect()).unwrap();
        Rendering { sources: sources.into(), title: title.map(str::to_owned), toc: true }
    }

    #[test]
    fn pages_are_counted_and_link_to_each_other() {
        let rendering = rendering(&["README.md", "docs/guide.md"], None);
        let text = "# Tool\n\nSee [the guide](docs/guide.md#run).\n\n## Use\n\n```sh\nrun\n```\n\n## More\n";
        let (rendered, html) = rendering.render("README.md".into(), "README.html".into(), text);
        let expected = RenderedFile {
            source: "README.md".into(),
            artifact: "README.html".into(),
            title: "Tool".into(),
            headings: 3,
            words: 6,
            links: 1,
            code_blocks: 1,
            bytes: html.len(),
        };
        assert_eq!(rendered, expected);
        for part in
            ["href=\"docs/guide.html#run\"", "<li><a href=\"#use\">Use</a></li>", "<title>Tool</title>"]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn a_given_title_replaces_one_and_follows_several() {
        let rows: [(&[&str], Option<&str>, &str, &str); 5] = [
            (&["a.md"], Some("Book"), "# Own", "Book"),
            (&["a.md", "b.md"], Some("Book"), "# Own", "Own · Book"),
            (&["a.md"], None, "# Own", "Own"),
            (&["docs/a.b.md"], None, "no heading", "a.b"),
            (&["a.md"], None, "### Low\n\n## High\n\n## Other", "High"),
        ];
        for (files, given, text, title) in rows {
            let (rendered, _) = rendering(files, given).render(files[0].into(), "x.html".into(), text);
            assert_eq!(rendered.title, title, "{files:?} {given:?} {text}");
        }
    }

    #[test]
    fn the_outline_is_a_tree_of_what_the_page_links() {
        let outline = outline_of("a.md".into(), "# One\n## Two\n### Three\n## Two");
        let json = serde_json::to_value(&outline).unwrap();
        assert_eq!(json["title"], "One");
        assert_eq!(json["headings"][0]["children"][0]["children"][0]["slug"], "three");
        assert_eq!(json["headings"][0]["children"][1]["slug"], "two-1");
    }
}
